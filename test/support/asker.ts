/**
 * A client with questions, the same ones all the time: a command that was acknowledged long ago, sent once more, and
 * reads. Whatever is away, each is answered within a bound, with what is asked for or with 503 and when to come again.
 */
import type { Load } from '../crash/support/load.js';
import { sleep } from '../crash/support/random.js';

export interface Answer {
  question: string;
  /** 0: the connection was lost without one. */
  status: number;
  ms: number;
  retryAfter: string | null;
  text: string;
}

/** The product answers within 20 s; as much again as a busy machine may add. */
const ANSWERED_WITHIN_MS = 30_000;
const EVERY_MS = 300;

export class Asker {
  readonly answers: Answer[] = [];
  #stopped = false;
  readonly #running: Promise<unknown>;

  constructor(
    readonly url: string,
    load: Load,
  ) {
    const customer = `/v1/customers/${load.journeys[0]?.customerId}`;
    const resend: RequestInit = {
      method: 'PUT',
      headers: { 'content-type': 'application/json', 'idempotency-key': 'survey' },
      body: JSON.stringify({ kind: 'NPS', title: 'Would you recommend us?' }),
    };
    this.#running = Promise.all([
      this.#ask(`/v1/surveys/${load.surveyId}`, resend),
      this.#ask(customer),
      this.#ask(`${customer}/timeline`),
      this.#ask('/v1/events?limit=10'),
    ]);
  }

  /** Answers since that number which should not have been. */
  unfit(since: number): Answer[] {
    return this.answers
      .slice(since)
      .filter(
        ({ status, ms, retryAfter }) =>
          !(status === 200 || status === 201 || (status === 503 && retryAfter !== null)) || ms > ANSWERED_WITHIN_MS,
      );
  }

  summary(since: number): string {
    const answers = this.answers.slice(since);
    const away = answers.filter(({ status }) => status === 503).length;
    const slowest = Math.max(0, ...answers.map(({ ms }) => ms));
    return `${answers.length} answers, ${away} of them 503, slowest ${slowest} ms`;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #ask(path: string, init: RequestInit = {}): Promise<void> {
    while (!this.#stopped) {
      const begun = performance.now();
      const note = (status: number, retryAfter: string | null, text: string): unknown =>
        this.answers.push({ question: path, status, ms: Math.round(performance.now() - begun), retryAfter, text });
      await fetch(`${this.url}${path}`, { ...init, signal: AbortSignal.timeout(2 * ANSWERED_WITHIN_MS) }).then(
        async (response) => {
          const text = await response.text();
          note(response.status, response.headers.get('retry-after'), response.ok ? '' : text);
        },
        (error: unknown) => note(0, null, String(error)),
      );
      await sleep(EVERY_MS);
    }
  }
}
