/** The configuration, read from the environment once at start. All that is wrong with it is told at once. */
import { parseApiKeys } from '@timeline/http';
import { FaultError } from '@timeline/kernel';

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
  logLevel: string;
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];
const DEFAULT_URLS = {
  EVENT_STORE_URL: 'sqlite:./data/events.db',
  READ_STORE_URL: 'sqlite:./data/reads.db',
  KEY_STORE_URL: 'sqlite:./data/keys.db',
};
const SCHEMES: Record<string, RegExp> = {
  EVENT_STORE_URL: /^(sqlite:.|esdb(\+discover)?:\/\/.)/,
  READ_STORE_URL: /^(sqlite:.|mongodb(\+srv)?:\/\/.)/,
  KEY_STORE_URL: /^(sqlite:.|mongodb(\+srv)?:\/\/.)/,
  BROKER_URL: /^kafka:\/\/./,
};

/** @throws FaultError CONFIG_INVALID, naming every variable that is wrong and what it may be */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const problems: string[] = [];
  const text = (name: string, fallback: string): string => env[name]?.trim() || fallback;
  const url = (name: string, fallback: string): string => {
    const value = text(name, fallback);
    // Not the URL itself: it may hold a password.
    if (value && !SCHEMES[name]?.test(value)) problems.push(`${name} has an unknown form (${String(SCHEMES[name])})`);
    return value;
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
  const demo = text('DEMO', 'on');
  if (demo !== 'on' && demo !== 'off') problems.push('DEMO must be on or off');
  const apiKeys = text('API_KEYS', '');
  try {
    parseApiKeys(apiKeys);
  } catch (error) {
    if (!(error instanceof FaultError)) throw error;
    problems.push(`API_KEYS: ${error.message}`);
  }
  const usesOwnStores = ['EVENT_STORE_URL', 'READ_STORE_URL', 'KEY_STORE_URL'].some((name) => env[name]?.trim());

  const config: Config = {
    host: text('HOST', '127.0.0.1'),
    port,
    roles: new Set(roles),
    eventStoreUrl: url('EVENT_STORE_URL', DEFAULT_URLS.EVENT_STORE_URL),
    readStoreUrl: url('READ_STORE_URL', DEFAULT_URLS.READ_STORE_URL),
    keyStoreUrl: url('KEY_STORE_URL', DEFAULT_URLS.KEY_STORE_URL),
    masterKeyFile: text('MASTER_KEY_FILE', './data/master.key'),
    brokerUrl: url('BROKER_URL', ''),
    apiKeys,
    demo: demo === 'on' && !usesOwnStores,
    reportingTimeZone,
    defaultPhoneRegion,
    backupRetentionDays: stated === '' ? undefined : Number(stated),
    logLevel,
  };
  if (problems.length > 0) {
    throw new FaultError('CONFIG_INVALID', `the configuration cannot be used:\n  - ${problems.join('\n  - ')}`);
  }
  return config;
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
