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
