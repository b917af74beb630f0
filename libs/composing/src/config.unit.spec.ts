import { readConfig, ROLES } from './config.js';

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

  it('tells everything that is wrong at once, without showing a URL', () => {
    const wrong = {
      PORT: 'x',
      ROLES: 'commands,cook',
      EVENT_STORE_URL: 'postgres://user:secret@host',
      REPORTING_TIME_ZONE: 'Mars/Base',
      DEMO: 'maybe',
    };
    const tell = (): unknown => readConfig(wrong);
    for (const name of Object.keys(wrong)) expect(tell).toThrow(name);
    expect(tell).not.toThrow('secret');
  });
});
