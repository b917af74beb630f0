import { tmpdir } from 'node:os';
import { misspelt, readConfig, ROLES } from './config.js';

describe('the configuration', () => {
  it('needs nothing: embedded stores, all roles, loopback, demo on', () => {
    const config = readConfig({});
    expect(config).toMatchObject({
      host: '127.0.0.1',
      port: 3000,
      demo: true,
      brokerUrl: '',
      eventStoreUrl: 'sqlite:./data/events.db',
    });
    expect([...config.roles]).toEqual([...ROLES]);
  });

  it('turns the demo off as soon as a store is chosen', () => {
    expect(readConfig({ READ_STORE_URL: 'mongodb://127.0.0.1/reads' }).demo).toBe(false);
  });

  it('takes nothing for granted about backups', () => {
    expect(readConfig({}).backupRetentionDays).toBeUndefined();
    expect(readConfig({ BACKUP_RETENTION_DAYS: '0' }).backupRetentionDays).toBe(0);
    expect(readConfig({ BACKUP_RETENTION_DAYS: ' 35 ' }).backupRetentionDays).toBe(35);
    for (const wrong of ['-1', '1.5', '1e3', '0x10', '100000', 'month'])
      expect(() => readConfig({ BACKUP_RETENTION_DAYS: wrong })).toThrow('BACKUP_RETENTION_DAYS');
  });

  it('ranks the sources of merged values as they are listed', () => {
    expect(readConfig({}).mergeSourceRank).toEqual([]);
    expect(readConfig({ MERGE_SOURCE_RANK: ' crm, shop ,' }).mergeSourceRank).toEqual(['crm', 'shop']);
    expect(() => readConfig({ MERGE_SOURCE_RANK: 'x'.repeat(61) })).toThrow('MERGE_SOURCE_RANK');
  });

  it('tells everything that is wrong at once, without showing a URL', () => {
    const wrong = {
      PORT: 'x',
      ROLES: 'commands,cook',
      EVENT_STORE_URL: 'postgres://user:secret@host',
      REPORTING_TIME_ZONE: 'Mars/Base',
      DEMO: 'maybe',
      HOST: '0.0.0.0',
      MASTER_KEY_FILE: tmpdir(),
      STOP_WITHIN_SECONDS: '0',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'user:secret@collector:4317',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_TRACES_SAMPLER: 'sometimes',
    };
    const tell = (): unknown => readConfig(wrong);
    for (const name of Object.keys(wrong)) expect(tell).toThrow(name);
    expect(tell).not.toThrow('secret');
  });

  it('sends traces where OpenTelemetry’s variables name a collector, and only then', () => {
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };
    expect(readConfig({}).tracing).toBe(false);
    expect(readConfig(endpoint).tracing).toBe(true);
    expect(readConfig({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/v1/traces' }).tracing).toBe(true);
    expect(readConfig({ ...endpoint, OTEL_SDK_DISABLED: 'true' }).tracing).toBe(false);
    expect(readConfig({ ...endpoint, OTEL_TRACES_EXPORTER: 'none' }).tracing).toBe(false);
  });

  it('knows misspelt names, and leaves others alone', () => {
    const env = {
      EVENTSTORE_URL: 'x',
      READ_STORE_URI: 'x',
      api_keys: 'x',
      EVENT_STORE_URL: 'x',
      EVENT_STORE_SERVICE_PORT: 'x',
      PATH: 'x',
      HOSTS: 'x',
      OTEL_SERVICE_NAME: 'x',
    };
    expect(misspelt(env)).toEqual([
      { name: 'EVENTSTORE_URL', meant: 'EVENT_STORE_URL' },
      { name: 'READ_STORE_URI', meant: 'READ_STORE_URL' },
      { name: 'api_keys', meant: 'API_KEYS' },
    ]);
  });
});
