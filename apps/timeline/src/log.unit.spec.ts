import { openLog } from './log.js';

function logged(fields: Record<string, unknown>): Record<string, unknown> {
  const lines: string[] = [];
  openLog('info', (line) => void lines.push(line)).info(fields, 'said');
  const [line = ''] = lines;
  return JSON.parse(line) as Record<string, unknown>;
}

describe('a line of the log', () => {
  it('shows no field that could hold a person or a secret, nor one in an object of the line', () => {
    const names = ['personal', 'data', 'body', 'email', 'phone', 'name', 'authorization', 'password'];
    const never = Object.fromEntries(names.map((name) => [name, { secret: 'a' }]));
    const hidden = Object.fromEntries(names.map((name) => [name, '[Redacted]']));
    expect(logged({ ...never, request: { ...never, id: 7 } })).toMatchObject({
      ...hidden,
      request: { ...hidden, id: 7 },
      msg: 'said',
    });
  });

  it('shows all else as it is, and leaves what it was given alone', () => {
    const fields = { code: 'X', list: ['name'], none: null, request: { email: 'b', deep: { id: 7 } } };
    const shown = { ...fields, request: { ...fields.request, email: '[Redacted]' } };
    expect(logged(fields)).toMatchObject(shown);
    expect(fields.request.email).toBe('b');
  });
});
