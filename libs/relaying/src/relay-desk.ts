/**
 * How an operator reaches the relay that publishes, in whichever process it is: a request lies in the read store, the
 * relay that writes carries it out and lays its answer beside it. A command line that took the publication over instead
 * would fence the writer off, and nothing would go out until that one dared to take it back (`takeOverAfterMs`).
 * Requests are harmless when repeated: one that nobody answered is carried out by the next relay that writes.
 */
import { delay, errorCode, newId, UnavailableError } from '@timeline/kernel';
import type { ReadCollection, ReadStore } from '@timeline/read-store';
import type { ParkedCustomer } from './event-translator.js';
import type { Relay, RelayNotice, ReleaseResult } from './relay.js';

interface Answers {
  parked: ParkedCustomer[];
  release: ReleaseResult;
}
type Wanted = keyof Answers;

interface RequestRecord {
  _id: string;
  publication: string;
  wanted: Wanted;
  state: 'asked' | 'answered';
  answer?: Answers[Wanted];
}

const REQUESTS = 'relay-requests';

async function requestsIn(reads: ReadStore): Promise<ReadCollection<RequestRecord>> {
  await reads.ensureCollection(REQUESTS, []);
  return reads.collection<RequestRecord>(REQUESTS);
}

export interface RelayDeskOptions {
  reads: ReadStore;
  relay: Relay;
  report?(notice: RelayNotice): void;
  /** How often it looks for requests, default 1,000. Milliseconds. */
  pollMs?: number;
}

/** Stands beside a relay and has it carry out what is asked of the one that publishes. */
export class RelayDesk {
  #stopping = new AbortController();
  #running: Promise<void> | undefined;

  constructor(private readonly options: RelayDeskOptions) {}

  start(): void {
    this.#stopping = new AbortController();
    this.#running ??= this.#run(this.#stopping.signal);
  }

  /** A request under way is finished, or refused by a relay that stops. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    this.#running = undefined;
  }

  async #run(stopping: AbortSignal): Promise<void> {
    const { pollMs = 1_000, report } = this.options;
    while (!stopping.aborted) {
      try {
        await this.#serve();
      } catch (error) {
        // The store is away, or this relay is not the one that publishes: the request stays where it is.
        if (!(error instanceof UnavailableError) && errorCode(error) !== 'RELAY_FENCED') {
          report?.({ level: 'error', message: 'a request to the relay failed', code: errorCode(error) });
        }
      }
      await delay(pollMs, stopping);
    }
  }

  async #serve(): Promise<void> {
    const { reads, relay } = this.options;
    const { state, publication } = relay.status();
    if (state !== 'live' && state !== 'catching-up') return;
    const requests = await requestsIn(reads);
    for (const request of await requests.find({ publication, state: 'asked' }, { sort: { _id: 1 } })) {
      const answer = request.wanted === 'release' ? await relay.releaseParked() : await relay.parkedCustomers();
      // One that was withdrawn meanwhile is not there to be answered.
      const doc: RequestRecord = { ...request, state: 'answered', answer };
      await requests.writeGuarded([{ doc, guard: { path: 'state', equals: 'asked' } }]);
    }
  }
}

/**
 * Asks the relay that publishes and waits for its answer; the request is withdrawn when none comes in time.
 * @throws UnavailableError
 */
export async function askRelay<W extends Wanted>(
  reads: ReadStore,
  publication: string,
  wanted: W,
  { waitMs, pollMs = 100 }: { waitMs: number; pollMs?: number },
): Promise<Answers[W]> {
  const requests = await requestsIn(reads);
  const _id = newId();
  await requests.writeGuarded([{ doc: { _id, publication, wanted, state: 'asked' }, guard: 'absent' }]);
  try {
    for (const until = performance.now() + waitMs; performance.now() < until; await delay(pollMs)) {
      const request = await requests.findOne({ _id, state: 'answered' });
      // What was laid there is the answer to what was wanted.
      if (request?.answer) return request.answer as Answers[W];
    }
  } finally {
    await requests.deleteMany({ _id });
  }
  throw new UnavailableError(
    'relay',
    `no relay that publishes has answered within ${Math.round(waitMs / 1000)} s: see that a process with the role relay ` +
      'runs and is live on /health/ready. A release that has begun goes on; asking again does no harm',
  );
}
