import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { FaultProxy } from './fault-proxy.js';

/** Sends back whatever it gets. */
async function echo(): Promise<{ server: Server; port: number; got: () => string }> {
  let received = '';
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString();
      socket.write(chunk);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port, got: () => received };
}

class Client {
  got = '';
  error: string | undefined;
  readonly closed: Promise<unknown>;
  constructor(readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => (this.got += chunk.toString()));
    socket.on('error', (error: NodeJS.ErrnoException) => (this.error = error.code));
    this.closed = new Promise((resolve) => socket.once('close', resolve));
  }
  async gets(text: string): Promise<void> {
    while (this.got !== text) await once(this.socket, 'data');
  }
}

describe('the proxy with faults', () => {
  let target: Awaited<ReturnType<typeof echo>>;
  let proxy: FaultProxy;
  const clients: Client[] = [];
  const client = (): Client => {
    const made = new Client(connect({ host: '127.0.0.1', port: proxy.port }));
    clients.push(made);
    return made;
  };
  const whileTimePasses = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 60));

  beforeEach(async () => {
    target = await echo();
    proxy = await FaultProxy.start(target.port);
  });
  afterEach(async () => {
    for (const { socket } of clients.splice(0)) socket.destroy();
    await proxy.stop();
    target.server.close();
  });

  it('passes everything on, both ways, and the end of it', async () => {
    const here = client();
    const large = 'x'.repeat(3_000_000);
    here.socket.write(large);
    await here.gets(large);
    here.socket.end();
    await here.closed;
    expect(here.error).toBeUndefined();
  });

  it('refuses, resets what was open, and takes connections again on the same port', async () => {
    const before = client();
    before.socket.write('a');
    await before.gets('a');
    await proxy.set({ kind: 'refused' });
    await before.closed;
    expect(before.error).toBe('ECONNRESET');
    const refused = client();
    await refused.closed;
    expect(refused.error).toBe('ECONNREFUSED');
    await proxy.set();
    const after = client();
    after.socket.write('b');
    await after.gets('b');
  });

  it('is silent, old connections and new ones, and delivers late what was held back', async () => {
    const before = client();
    before.socket.write('a');
    await before.gets('a');
    await proxy.set({ kind: 'silent' });
    const meanwhile = client();
    before.socket.write('b');
    meanwhile.socket.write('c');
    await whileTimePasses();
    expect([target.got(), before.got, meanwhile.got]).toEqual(['a', 'a', '']);
    await proxy.set();
    await Promise.all([before.gets('ab'), meanwhile.gets('c')]);
  });

  it('lets requests through without their answers, and resets in the end', async () => {
    const here = client();
    await proxy.set({ kind: 'unanswered' });
    here.socket.write('a');
    while (target.got() !== 'a') await whileTimePasses();
    await whileTimePasses();
    expect(here.got).toBe('');
    await proxy.set();
    await here.closed;
    expect([here.error, here.got]).toEqual(['ECONNRESET', '']);
  });

  it('cuts answers off in the middle', async () => {
    await proxy.set({ kind: 'cut', afterBytes: () => 3 });
    const here = client();
    here.socket.write('abcdef');
    await here.closed;
    // How much of it is read before the reset arrives is for the system to say.
    expect('abc'.startsWith(here.got)).toBe(true);
    await proxy.set();
    const after = client();
    after.socket.write('abcdef');
    await after.gets('abcdef');
  });

  it('takes its time, in order, and makes a sender wait that is faster', async () => {
    await proxy.set({ kind: 'slow', latencyMs: 50, bytesPerSecond: 1_000_000 });
    const here = client();
    const begun = performance.now();
    for (let n = 0; n < 10; n += 1) here.socket.write(String(n));
    await here.gets('0123456789');
    // Once there and once back; never less.
    expect(performance.now() - begun).toBeGreaterThanOrEqual(99);
    here.socket.write('y'.repeat(8_000_000));
    await whileTimePasses();
    expect(target.got().length).toBeLessThan(1_000_000);
    expect(here.socket.writableLength).toBeGreaterThan(0);
  });
});
