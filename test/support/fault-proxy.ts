/**
 * A TCP proxy on loopback between the product and a server, whose faults are switched while it runs. It knows nothing of
 * what goes through it.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

export type Fault =
  /** Nobody listens; connections that are open are reset. */
  | { kind: 'refused' }
  /** Connections are taken and nothing goes through them, either way; what was held back arrives late. */
  | { kind: 'silent' }
  /** Requests arrive, answers do not, and in the end the connections are reset: nobody knows what was done. */
  | { kind: 'unanswered' }
  | { kind: 'slow'; latencyMs?: number; bytesPerSecond?: number }
  /** Each connection is reset once so many more bytes of answers have gone through it; asked for once a connection. */
  | { kind: 'cut'; afterBytes: () => number };

/** Held back at most, each way, before the sender is made to wait. */
const HELD_BYTES = 256 * 1024;

export class FaultProxy {
  #fault: Fault | undefined;
  #server: Server | undefined;
  readonly #links = new Set<Link>();

  private constructor(
    readonly port: number,
    private readonly targetPort: number,
  ) {}

  /** Listens on `port`, default a free one, and passes on to `targetPort`, where nobody need listen yet. */
  static async start(targetPort: number, port = 0): Promise<FaultProxy> {
    const server = await listening(port);
    const address = server.address();
    const proxy = new FaultProxy(typeof address === 'object' && address ? address.port : port, targetPort);
    proxy.#take(server);
    return proxy;
  }

  /** Puts this fault in place of the one before; none: everything goes through. */
  async set(fault?: Fault): Promise<void> {
    const before = this.#fault;
    this.#fault = fault;
    if (before?.kind === 'unanswered') this.reset();
    if (fault?.kind === 'refused') {
      this.#server?.close();
      this.#server = undefined;
      this.reset();
    } else if (!this.#server) {
      this.#take(await listening(this.port));
    }
    for (const link of this.#links) link.meet(fault);
  }

  /** Resets every connection that is open. */
  reset(): void {
    for (const link of this.#links) link.reset();
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.reset();
    if (!server) return;
    server.close();
    await once(server, 'close');
  }

  #take(server: Server): void {
    this.#server = server;
    server.on('connection', (client) => {
      const link: Link = new Link(client, connect({ host: '127.0.0.1', port: this.targetPort }), () =>
        this.#links.delete(link),
      );
      this.#links.add(link);
      link.meet(this.#fault);
    });
  }
}

/** One connection of the client and ours to the server for it. */
class Link {
  readonly #requests: Way;
  readonly #answers: Way;

  constructor(
    private readonly client: Socket,
    private readonly server: Socket,
    onEnd: () => void,
  ) {
    this.#requests = new Way(client, server);
    this.#answers = new Way(server, client);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', () => this.reset());
      socket.once('close', () => {
        onEnd();
        this.reset();
      });
    }
  }

  meet(fault: Fault | undefined): void {
    const pace = fault?.kind === 'slow' ? fault : {};
    const isSilent = fault?.kind === 'silent';
    this.#requests.meet({ ...pace, isHeld: isSilent });
    this.#answers.meet({ ...pace, isHeld: isSilent || fault?.kind === 'unanswered' });
    if (fault?.kind === 'cut') this.#answers.endAfter(fault.afterBytes(), () => this.reset());
    else this.#answers.endAfter(Infinity, () => undefined);
  }

  reset(): void {
    this.#requests.end();
    this.#answers.end();
    for (const socket of [this.client, this.server]) if (!socket.destroyed) socket.resetAndDestroy();
  }
}

interface Pace {
  latencyMs?: number;
  bytesPerSecond?: number;
  isHeld: boolean;
}

/** What goes from one socket to the other, in order, when it is due. */
class Way {
  readonly #queue: { chunk: Buffer; dueAt: number }[] = [];
  #queued = 0;
  #pace: Pace = { isHeld: false };
  /** When what was last sent on is through, at the pace that is set. */
  #throughAt = 0;
  #left = Infinity;
  #cut = (): void => undefined;
  #timer: NodeJS.Timeout | undefined;
  #hasEnded = false;

  constructor(
    private readonly from: Socket,
    private readonly to: Socket,
  ) {
    from.on('data', (chunk: Buffer) => this.#take(chunk));
    from.once('end', () => {
      this.#hasEnded = true;
      this.#flow();
    });
    to.on('drain', () => this.#flow());
  }

  meet(pace: Pace): void {
    this.#pace = pace;
    this.#flow();
  }

  endAfter(bytes: number, cut: () => void): void {
    this.#left = bytes;
    this.#cut = cut;
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
  }

  #take(chunk: Buffer): void {
    const { latencyMs = 0, bytesPerSecond = Infinity } = this.#pace;
    const now = performance.now();
    this.#throughAt = Math.max(now, this.#throughAt) + (chunk.length / bytesPerSecond) * 1_000;
    this.#queue.push({ chunk, dueAt: this.#throughAt + latencyMs });
    this.#queued += chunk.length;
    if (this.#queued > HELD_BYTES) this.from.pause();
    this.#flow();
  }

  #flow(): void {
    clearTimeout(this.#timer);
    while (!this.#pace.isHeld && !this.to.writableNeedDrain) {
      const [first] = this.#queue;
      if (!first) {
        if (this.#hasEnded) this.to.end();
        return;
      }
      const waitMs = first.dueAt - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#flow(), Math.ceil(waitMs));
        return;
      }
      this.#queue.shift();
      this.#queued -= first.chunk.length;
      if (first.chunk.length >= this.#left) {
        // The beginning of the answer gets there, its end does not.
        this.to.write(first.chunk.subarray(0, this.#left), this.#cut);
        this.#pace = { isHeld: true };
        return;
      }
      this.#left -= first.chunk.length;
      this.to.write(first.chunk);
      if (this.#queued <= HELD_BYTES) this.from.resume();
    }
  }
}

async function listening(port: number): Promise<Server> {
  // An end of one side must not end the other before what is still held back has gone through.
  const server = createServer({ allowHalfOpen: true });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
