import { redacted } from './log.js';

describe('a line of the log', () => {
  it('shows no field that could hold a person or a secret, nor one in an object of the line', () => {
    const never = {
      personal: 'a',
      data: 1,
      body: {},
      email: 'b',
      phone: 'c',
      name: 'd',
      authorization: 'e',
      password: '',
    };
    const hidden = Object.fromEntries(Object.keys(never).map((name) => [name, '[Redacted]']));
    expect(redacted({ ...never, request: { ...never, id: 7 } })).toEqual({ ...hidden, request: { ...hidden, id: 7 } });
  });

  it('shows all else as it is, and leaves what it was given alone', () => {
    const error = new Error('e');
    const fields = { code: 'X', list: ['name'], error, nothing: undefined, none: null, request: { email: 'b' } };
    expect(redacted(fields)).toEqual({ ...fields, request: { email: '[Redacted]' } });
    expect(redacted(fields).error).toBe(error);
    expect(fields.request.email).toBe('b');
  });
});
