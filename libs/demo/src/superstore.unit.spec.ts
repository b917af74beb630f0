import { generatedCommands } from './generated-layer.js';
import { readSuperstore, salesOf, superstoreCommands } from './superstore.js';

describe('the Superstore sample', () => {
  it('holds 793 customers, 5,009 orders and sales of 2,297,200.8603', async () => {
    const orders = await readSuperstore();
    const commands = [...superstoreCommands(orders)];
    expect(orders).toHaveLength(5_009);
    expect(orders.flatMap((order) => order.lines)).toHaveLength(9_994);
    expect(salesOf(orders)).toBe('2297200.8603');
    expect(commands.filter(({ type }) => type === 'RegisterCustomer')).toHaveLength(793);
    expect(new Set(commands.map(({ id }) => id)).size).toBe(commands.length);
  });

  it('gives postal codes their leading zero back', async () => {
    const codes = (await readSuperstore()).map((order) => order.postalCode);
    expect(codes.every((code) => /^\d{5}$/.test(code))).toBe(true);
    expect(codes.some((code) => code.startsWith('0'))).toBe(true);
  });

  it('is surrounded by the same generated layer every time, all of it before 2018', async () => {
    const orders = await readSuperstore();
    const first = [...generatedCommands(orders)];
    expect([...generatedCommands(orders)]).toEqual(first);
    expect(new Set(first.map(({ id }) => id)).size).toBe(first.length);
    const instants = first.map(({ data }) => (data as { occurredAt?: string }).occurredAt ?? '');
    expect(instants.every((instant) => instant < '2018-01-01T00:00:00.000Z')).toBe(true);
  });
});
