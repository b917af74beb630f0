/** The configuration, read from the environment once at start. All that is wrong with it is told at once. */
import { accessSync, constants, statSync } from 'node:fs';
import { assertGuarded, parseApiKeys } from '@timeline/http';
import { errorCode, FaultError } from '@timeline/kernel';

export const ROLES = ['commands', 'queries', 'projections', 'reactions', 'relay'] as const;
/** What a process does. All of them by default; the same program with fewer of them scales out. */
export type Role = (typeof ROLES)[number];

export interface Config {
  host: string;
  port: number;
  roles: ReadonlySet<Role>;
  eventStoreUrl: string;
  readStoreUrl: string;
  keyStoreUrl: string;
  masterKeyFile: string;
  /** Empty: nothing is published to Kafka. */
  brokerUrl: string;
  apiKeys: string;
  /** Imports the demo's data on first run. */
  demo: boolean;
  reportingTimeZone: string;
  defaultPhoneRegion: string;
  /** How many days backups of the stores live, 0 where there are none; certificates of erasure say it. */
  backupRetentionDays: number | undefined;
  /** Sources whose values count before those of all others when customers are merged, the best first. */
  mergeSourceRank: readonly string[];
  logLevel: string;
  /** Traces go to the collector that OpenTelemetry's standard variables name. */
  tracing: boolean;
  /** How long a stop may take, in milliseconds, until the process ends without what is hanging. */
  stopWithinMs: number;
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];
const DEFAULT_URLS = {
  EVENT_STORE_URL: 'sqlite:./data/events.db',
  READ_STORE_URL: 'sqlite:./data/reads.db',
  KEY_STORE_URL: 'sqlite:./data/keys.db',
};
/** Every variable that this file reads, but for OpenTelemetry's. */
const NAMES = [
  'HOST',
  'PORT',
  'ROLES',
  ...Object.keys(DEFAULT_URLS),
  'BROKER_URL',
  'MASTER_KEY_FILE',
  'API_KEYS',
  'DEMO',
  'REPORTING_TIME_ZONE',
  'DEFAULT_PHONE_REGION',
  'MERGE_SOURCE_RANK',
  'LOG_LEVEL',
  'STOP_WITHIN_SECONDS',
];
const SAMPLERS = ['always_on', 'always_off', 'traceidratio'].flatMap((name) => [name, `parentbased_${name}`]);
const SQLITE_OR_MONGODB = /^(sqlite:.|mongodb(\+srv)?:\/\/.)/;
const URLS: Record<string, { form: RegExp; meant: string }> = {
  EVENT_STORE_URL: {
    form: /^(sqlite:.|esdb(\+discover)?:\/\/.)/,
    meant: 'sqlite:./data/events.db, esdb://host:2113 or esdb+discover://host:2113',
  },
  READ_STORE_URL: { form: SQLITE_OR_MONGODB, meant: 'sqlite:./data/reads.db or mongodb://host/timeline' },
  KEY_STORE_URL: { form: SQLITE_OR_MONGODB, meant: 'sqlite:./data/keys.db or mongodb://host/timeline_keys' },
  BROKER_URL: { form: /^kafka:\/\/./, meant: 'kafka://host:9092' },
};

/** @throws FaultError CONFIG_INVALID, naming every variable that is wrong and what it may be */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const problems: string[] = [];
  const text = (name: string, fallback: string): string => env[name]?.trim() || fallback;
  const url = (name: string, fallback: string): string => {
    const value = text(name, fallback);
    // Not the URL itself: it may hold a password.
    const { form, meant } = URLS[name] ?? {};
    if (value && !form?.test(value)) problems.push(`${name} must be like ${meant}`);
    return value;
  };

  const attempt = <T>(prefix: string, work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof FaultError)) throw error;
      problems.push(prefix + error.message);
      return undefined;
    }
  };

  const port = Number(text('PORT', '3000'));
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    problems.push('PORT must be a whole number from 0 to 65535');
  const named = text('ROLES', ROLES.join(','))
    .split(',')
    .map((role) => role.trim());
  const roles = named.filter((role): role is Role => (ROLES as readonly string[]).includes(role));
  if (roles.length !== named.length || roles.length === 0) problems.push(`ROLES must be a list of ${ROLES.join(', ')}`);
  const logLevel = text('LOG_LEVEL', 'info');
  if (!LOG_LEVELS.includes(logLevel)) problems.push(`LOG_LEVEL must be one of ${LOG_LEVELS.join(', ')}`);
  const reportingTimeZone = text('REPORTING_TIME_ZONE', 'UTC');
  if (!isTimeZone(reportingTimeZone))
    problems.push('REPORTING_TIME_ZONE must be an IANA time zone such as Europe/Berlin');
  const defaultPhoneRegion = text('DEFAULT_PHONE_REGION', 'US');
  if (!/^[A-Z]{2}$/.test(defaultPhoneRegion))
    problems.push('DEFAULT_PHONE_REGION must be a country code such as US or CN');
  const stated = text('BACKUP_RETENTION_DAYS', '');
  if (!/^(\d{1,5})?$/.test(stated)) problems.push('BACKUP_RETENTION_DAYS must be a whole number from 0 to 99999');
  const mergeSourceRank = text('MERGE_SOURCE_RANK', '')
    .split(',')
    .map((source) => source.trim())
    .filter((source) => source !== '');
  if (mergeSourceRank.length > 50 || mergeSourceRank.some((source) => source.length > 60))
    problems.push('MERGE_SOURCE_RANK must be a list of at most 50 sources, each of at most 60 characters');
  const demo = text('DEMO', 'on');
  if (demo !== 'on' && demo !== 'off') problems.push('DEMO must be on or off');
  const host = text('HOST', '127.0.0.1');
  const apiKeys = text('API_KEYS', '');
  const keys = attempt('API_KEYS: ', () => parseApiKeys(apiKeys));
  if (keys) attempt('', () => assertGuarded(host, keys));
  const masterKeyFile = text('MASTER_KEY_FILE', './data/master.key');
  const whyUnreadable = unreadable(masterKeyFile);
  if (whyUnreadable) problems.push(`MASTER_KEY_FILE cannot be read: ${whyUnreadable}`);
  const stopWithin = Number(text('STOP_WITHIN_SECONDS', '25'));
  if (!Number.isInteger(stopWithin) || stopWithin < 1 || stopWithin > 3_600)
    problems.push('STOP_WITHIN_SECONDS must be a whole number from 1 to 3600');
  const tracing = readTracing(text, problems);
  const usesOwnStores = ['EVENT_STORE_URL', 'READ_STORE_URL', 'KEY_STORE_URL'].some((name) => env[name]?.trim());

  const config: Config = {
    host,
    port,
    roles: new Set(roles),
    eventStoreUrl: url('EVENT_STORE_URL', DEFAULT_URLS.EVENT_STORE_URL),
    readStoreUrl: url('READ_STORE_URL', DEFAULT_URLS.READ_STORE_URL),
    keyStoreUrl: url('KEY_STORE_URL', DEFAULT_URLS.KEY_STORE_URL),
    masterKeyFile,
    brokerUrl: url('BROKER_URL', ''),
    apiKeys,
    demo: demo === 'on' && !usesOwnStores,
    reportingTimeZone,
    defaultPhoneRegion,
    backupRetentionDays: stated === '' ? undefined : Number(stated),
    mergeSourceRank,
    logLevel,
    tracing,
    stopWithinMs: stopWithin * 1000,
  };
  if (problems.length > 0) {
    throw new FaultError('CONFIG_INVALID', `the configuration cannot be used:\n  - ${problems.join('\n  - ')}`);
  }
  return config;
}

/**
 * Variables that look like ours, misspelt, and so have no effect: `EVENTSTORE_URL`, `READ_STORE_URI`. Names only, with what
 * may have been meant.
 */
export function misspelt(env: NodeJS.ProcessEnv): { name: string; meant: string }[] {
  return Object.keys(env).flatMap((name) => {
    if (NAMES.includes(name)) return [];
    // Short names (`HOST`, `PORT`) are near to too many others.
    const meant = NAMES.find((known) => known.includes('_') && distance(bare(name), bare(known)) <= 2);
    return meant ? [{ name, meant }] : [];
  });
}

const bare = (name: string): string => name.toUpperCase().replaceAll(/[^A-Z]/g, '');

/** How many letters must be put in, taken out or changed (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const changed = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** A file that is not there may be about to be made. */
function unreadable(file: string): string | undefined {
  try {
    accessSync(file, constants.R_OK);
    return statSync(file).isFile() ? undefined : 'it is no file';
  } catch (error) {
    const code = errorCode(error);
    return code === 'ENOENT' ? undefined : code;
  }
}

/** OpenTelemetry's own variables, as far as it would take a wrong one without a word. */
function readTracing(text: (name: string, fallback: string) => string, problems: string[]): boolean {
  const ofTraces = (name: string): string =>
    text(`OTEL_EXPORTER_OTLP_TRACES_${name}`, text(`OTEL_EXPORTER_OTLP_${name}`, ''));
  const endpoint = ofTraces('ENDPOINT');
  if (
    !endpoint ||
    text('OTEL_SDK_DISABLED', '').toLowerCase() === 'true' ||
    text('OTEL_TRACES_EXPORTER', '') === 'none'
  )
    return false;
  if (!/^https?:\/\/./.test(endpoint)) problems.push('OTEL_EXPORTER_OTLP_ENDPOINT must be http://… or https://…');
  if (!['', 'http/json'].includes(ofTraces('PROTOCOL')))
    problems.push(
      'OTEL_EXPORTER_OTLP_PROTOCOL must be http/json, the one that is spoken here (port 4318 of a collector)',
    );
  if (!['', ...SAMPLERS].includes(text('OTEL_TRACES_SAMPLER', '')))
    problems.push(`OTEL_TRACES_SAMPLER must be one of ${SAMPLERS.join(', ')}`);
  return true;
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
