import { parseBrokerUrl } from './broker-url.js';

describe('BROKER_URL', () => {
  it('names one broker or several, on port 9092 where none is named', () => {
    expect(parseBrokerUrl('kafka://127.0.0.1:9094')).toEqual({ brokers: ['127.0.0.1:9094'] });
    expect(parseBrokerUrl('kafka://a.example,b.example:19092/')).toEqual({
      brokers: ['a.example:9092', 'b.example:19092'],
    });
    expect(parseBrokerUrl('kafka://[::1]:9092')).toEqual({ brokers: ['[::1]:9092'] });
  });

  it('carries TLS and credentials', () => {
    expect(parseBrokerUrl('kafka://relay:p%40ss@a:9093?tls=true&sasl=plain')).toEqual({
      brokers: ['a:9093'],
      ssl: true,
      sasl: { mechanism: 'plain', username: 'relay', password: 'p@ss' },
    });
    expect(parseBrokerUrl('kafka://relay:secret@a:9093').sasl).toMatchObject({ mechanism: 'scram-sha-512' });
  });

  it.each([
    'http://a:9092',
    'kafka://',
    'kafka://a:port',
    'kafka://a:9092?ssl=true',
    'kafka://a:9092?sasl=plain',
    'kafka://u:secret@a:9092?sasl=kerberos',
  ])('refuses %s without repeating a password', (url) => {
    let message = '';
    try {
      parseBrokerUrl(url);
    } catch (error) {
      expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
      message = (error as Error).message;
    }
    expect(message).toMatch(/^BROKER_URL /);
    expect(message).not.toContain('secret');
  });
});
