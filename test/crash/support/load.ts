/**
 * Seeded commands over HTTP, as clients send them that take nothing for granted: each command has an `Idempotency-Key`
 * and is sent again, to any of the processes, until it is answered. What was acknowledged is remembered in a ledger with
 * the sums that follow from it, worked out here and not by the product: the audit holds the product to them.
 *
 * One journey is one customer. Its commands depend on each other (a return follows its purchase) and go one after the
 * other, save for some that go to the same stream at once; journeys go side by side.
 */
import { linesOf, type Json, type Outcome, type Problem } from '../../e2e/api.js';
import { Random, sleep } from './random.js';

export interface LoadOptions {
  seed: number;
  /** Of the processes that take commands. */
  urls: readonly string[];
  /** How many customers, and so about how many commands at once. */
  journeys?: number;
  /** A journey waits up to this long between two commands. */
  pauseMs?: number;
  /** Default true. Where clocks jump, points earned are not always earned yet. */
  spends?: boolean;
  /** No more commands than this; journeys end then by themselves. */
  maxCommands?: number;
}

export interface Acknowledged extends Outcome {
  key: string;
  command: string;
  customerId: string;
  /** Types of the events that it writes into the stream it answers for, in their order. */
  events: readonly string[];
}

interface Command {
  key: string;
  name: string;
  method: 'POST' | 'PATCH' | 'PUT';
  path: string;
  json: Json;
  events: readonly string[];
  /** The revision that the stream must be at. */
  ifMatch?: number;
}

/** What a client has to take as "not answered": it cannot know whether the command was carried out. */
type Silence = 'no-connection' | 'unavailable' | 'revision-moved';

/** A command that is not answered for this long is lost: the test fails. */
const ANSWERED_WITHIN_MS = 180_000;
/** A process that does not answer (it may be stopped, not dead) is given up by the client, who asks another one. */
const REQUEST_TIMEOUT_MS = 10_000;
/** In everything of a command that is personal: must not be seen where that is not opened. */
export const PERSONAL = 'kept-under-seal';

/** An amount in ten-thousandths, as the product writes it. */
export const inTenThousandths = (decimal: string): bigint => {
  const [whole = '0', fraction = ''] = decimal.split('.');
  return BigInt(whole + fraction.padEnd(4, '0'));
};

export class Load {
  readonly ledger = new Map<string, Acknowledged>();
  /** Resends that were answered otherwise than the first time. Must stay empty. */
  readonly contradictions: string[] = [];
  readonly silences: Record<Silence, number> = { 'no-connection': 0, unavailable: 0, 'revision-moved': 0 };
  /** Commands that were answered and then sent once more, to see that they are answered the same. */
  repeated = 0;
  readonly journeys: Journey[] = [];
  /** Of the last of all acknowledged commands. */
  position = '';
  readonly surveyId: string;
  #stopped = false;
  #sent = 0;
  #running: Promise<unknown> = Promise.resolve();
  #failure: Error | undefined;
  readonly #waiters = new Set<{ wanted: number; resolve: () => void; reject: (error: Error) => void }>();

  constructor(readonly options: LoadOptions) {
    this.surveyId = `nps-${options.seed}`;
  }

  async start(): Promise<void> {
    const random = new Random(this.options.seed, 'survey');
    const json = { kind: 'NPS', title: 'Would you recommend us?' };
    const path = `/v1/surveys/${this.surveyId}`;
    const survey: Command = { key: 'survey', name: 'survey', method: 'PUT', path, json, events: ['SurveyDefined'] };
    await this.send(survey, '', random);
    for (let number = 0; number < (this.options.journeys ?? 8); number += 1)
      this.journeys.push(new Journey(this, number));
    this.#running = Promise.all(
      this.journeys.map((journey) =>
        journey.run().catch((error: unknown) => {
          this.#stopped = true;
          this.#failure ??= error as Error;
        }),
      ),
    ).then(() => {
      for (const { reject } of this.#waiters) reject(this.#ended());
    });
  }

  #ended(): Error {
    return this.#failure ?? new Error('the load has ended already');
  }

  get isStopped(): boolean {
    return this.#stopped || this.#sent >= (this.options.maxCommands ?? 20_000);
  }

  /** No new commands; those under way are sent until they are answered. @throws what a journey failed with */
  async finish(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    if (this.#failure) throw this.#failure;
  }

  /** For a test that ends early: nothing is sent any more, and what waits for an answer waits no longer. */
  abandon(): void {
    this.#stopped = true;
    this.#failure ??= new Error('the load was abandoned');
  }

  /** Resolves at the very acknowledgement that makes it so many more. @throws what a journey failed with */
  async progress(commands: number): Promise<void> {
    const wanted = this.ledger.size + commands;
    if (this.isStopped) throw this.#ended();
    await new Promise<void>((resolve, reject) => this.#waiters.add({ wanted, resolve, reject }));
  }

  /** Sends until it is answered; some are sent once more after that. @throws Error for a refusal, which no command here earns */
  async send(command: Command, customerId: string, random: Random): Promise<Acknowledged> {
    this.#sent += 1;
    const first = random.whole(0, 99);
    const isRepeated = random.isTrue(0.1);
    let { ifMatch } = command;
    const once = async (attempt: number): Promise<Outcome | undefined> => {
      const url = this.#url(first + attempt);
      const headers = {
        'content-type': 'application/json',
        'idempotency-key': command.key,
        ...(ifMatch !== undefined && { 'if-match': `"${ifMatch}"` }),
      };
      const answer = await this.#request(`${url}${command.path}`, {
        method: command.method,
        headers,
        body: JSON.stringify(command.json),
      });
      if (!answer) return undefined;
      if (answer.status < 300) return JSON.parse(answer.text) as Outcome;
      const problem = JSON.parse(answer.text) as Problem;
      if (!this.#isSilence(answer.status, problem)) throw refused(command.key, answer);
      // Somebody else wrote (a reaction may): a client reads the stream again and decides anew.
      if (answer.status === 412) ifMatch = Number(problem.details?.['actual']);
      return undefined;
    };
    const outcome = await this.#patiently(command.key, once);
    const acknowledged = this.#remember(command, outcome, customerId);
    if (isRepeated) {
      this.repeated += 1;
      this.#remember(command, await this.#patiently(command.key, (attempt) => once(attempt + 1)), customerId);
    }
    return acknowledged;
  }

  /** All lines in one request, sent again as a whole until each line was answered. */
  async sendLines(lines: readonly LineCommand[], customerId: string, random: Random): Promise<void> {
    this.#sent += lines.length;
    const first = random.whole(0, 99);
    const body = lines.map(({ key, type, data }) => `${JSON.stringify({ id: key, type, data })}\n`).join('');
    await this.#patiently(lines[0]?.key ?? '', async (attempt) => {
      const headers = { 'content-type': 'application/x-ndjson' };
      const answer = await this.#request(`${this.#url(first + attempt)}/v1/commands`, {
        method: 'POST',
        headers,
        body,
      });
      if (!answer) return undefined;
      if (answer.status !== 200) {
        if (!this.#isSilence(answer.status, undefined)) throw refused('lines', answer);
        return undefined;
      }
      let answered = 0;
      for (const told of linesOf(answer.text)) {
        const line = lines[told.line - 1];
        if (told.outcome && line) {
          answered += 1;
          this.#remember({ ...line, name: line.type }, told.outcome, customerId);
        } else if (!this.#isSilence(told.status, told.problem)) throw new Error(`refused: ${JSON.stringify(told)}`);
      }
      return answered === lines.length ? true : undefined;
    });
  }

  #url(number: number): string {
    return this.options.urls[number % this.options.urls.length] ?? '';
  }

  async #request(url: string, init: RequestInit): Promise<{ status: number; text: string } | undefined> {
    try {
      const response = await fetch(url, { ...init, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
      return { status: response.status, text: await response.text() };
    } catch {
      // Refused, reset, cut off in the middle of the answer, or no answer in time.
      this.silences['no-connection'] += 1;
      return undefined;
    }
  }

  #isSilence(status: number, problem: Problem | undefined): boolean {
    const isMoved = status === 412 || problem?.code === 'WRONG_EXPECTED_REVISION';
    if (isMoved) this.silences['revision-moved'] += 1;
    else if (status === 503) this.silences.unavailable += 1;
    else return false;
    return true;
  }

  async #patiently<T>(key: string, once: (attempt: number) => Promise<T | undefined>): Promise<T> {
    const end = Date.now() + ANSWERED_WITHIN_MS;
    for (let attempt = 0; ; attempt += 1) {
      const answer = await once(attempt);
      if (answer !== undefined) return answer;
      if (this.#failure) throw this.#failure;
      if (Date.now() > end) throw new Error(`${key} was not answered in ${attempt + 1} attempts`);
      await sleep(Math.min(20 * 2 ** attempt, 300));
    }
  }

  #remember(
    { key, name, events }: Pick<Command, 'key' | 'name' | 'events'>,
    { id, revision, position }: Outcome,
    customerId: string,
  ): Acknowledged {
    const known = this.ledger.get(key);
    if (known && (known.id !== id || known.revision !== revision || known.position !== position)) {
      const told = `${id}/${revision}/${position}`;
      this.contradictions.push(`${key} (${name}): ${known.id}/${known.revision}/${known.position}, later ${told}`);
    }
    const acknowledged = known ?? { key, command: name, customerId: customerId || id, events, id, revision, position };
    this.ledger.set(key, acknowledged);
    if (position > this.position) this.position = position;
    for (const waiter of this.#waiters) {
      if (this.ledger.size < waiter.wanted) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
    return acknowledged;
  }
}

interface LineCommand {
  key: string;
  type: string;
  data: Json;
  events: readonly string[];
}

const refused = (key: string, { status, text }: { status: number; text: string }): Error =>
  new Error(`${key} was refused: ${status} ${text}`);

interface Purchase {
  id: string;
  unitPrice: bigint;
  /** Of what was not given back. */
  quantity: number;
}

interface Case {
  id: string;
  isOpen: boolean;
}

/** One customer, and what must be known of them in the end. */
export class Journey {
  customerId = '';
  contacts = 0;
  earned = 0;
  spent = 0;
  gross = 0n;
  returned = 0n;
  latestScore: number | undefined;
  readonly traits: Record<string, number> = {};
  readonly identities: string[] = [];
  readonly cases: Case[] = [];
  readonly #purchases: Purchase[] = [];
  readonly #random: Random;
  #revision = 0;
  #number = 0;

  constructor(
    readonly load: Load,
    readonly name: number,
  ) {
    this.#random = new Random(load.options.seed, `journey-${name}`);
  }

  async run(): Promise<void> {
    await this.#register();
    while (!this.load.isStopped) {
      await this.#step();
      await sleep(this.#random.next() * (this.load.options.pauseMs ?? 60));
    }
  }

  get #customer(): Json {
    const [value] = this.identities;
    return value !== undefined && this.#random.isTrue(0.2)
      ? { identity: { kind: 'member', value } }
      : { customerId: this.customerId };
  }

  #key(): string {
    this.#number += 1;
    return `${this.load.options.seed}-${this.name}-${this.#number}`;
  }

  #send(
    name: string,
    path: string,
    json: Json,
    events: readonly string[],
    more: Partial<Command> = {},
  ): Promise<Acknowledged> {
    const command: Command = { key: this.#key(), name, method: 'POST', path, json, events, ...more };
    return this.load.send(command, this.customerId, this.#random);
  }

  async #register(): Promise<void> {
    const value = `m-${this.load.options.seed}-${this.name}`;
    const json = {
      kind: 'person',
      name: { full: `${PERSONAL} ${this.name}` },
      identities: [{ kind: 'member', value }],
    };
    const events = ['CustomerRegistered'];
    const { id, revision } = await this.#send('register', '/v1/customers', json, events);
    this.customerId = id;
    this.#revision = revision;
    this.identities.push(value);
  }

  async #step(): Promise<void> {
    const steps = [
      this.#contact,
      this.#contact,
      this.#update,
      this.#purchase,
      this.#giveBack,
      this.#earn,
      this.#spend,
      this.#earnAtOnce,
      this.#answer,
      this.#openCase,
      this.#moveCase,
      this.#moveCase,
      this.#lines,
      this.#addIdentity,
    ];
    await this.#random.oneOf(steps).call(this);
  }

  #contactData(): Json {
    return { customer: this.#customer, channel: 'phone', direction: 'inbound', kind: 'call', subject: PERSONAL };
  }

  async #contact(): Promise<void> {
    await this.#send('contact', '/v1/interactions', this.#contactData(), ['InteractionRecorded']);
    this.contacts += 1;
  }

  async #update(): Promise<void> {
    const trait = `t${this.#random.whole(0, 9)}`;
    const traits = { [trait]: this.#random.whole(0, 1_000_000) };
    const more: Partial<Command> = { method: 'PATCH', ...(this.#random.isTrue(0.5) && { ifMatch: this.#revision }) };
    const path = `/v1/customers/${this.customerId}`;
    const isKnown = this.traits[trait] === traits[trait];
    if (isKnown) return;
    const { revision } = await this.#send('update', path, { traits }, ['CustomerUpdated'], more);
    this.#revision = revision;
    Object.assign(this.traits, traits);
  }

  async #addIdentity(): Promise<void> {
    if (this.identities.length >= 20) return;
    const value = `m-${this.load.options.seed}-${this.name}-${this.identities.length}`;
    const path = `/v1/customers/${this.customerId}/identities`;
    const { revision } = await this.#send('identity', path, { kind: 'member', value }, ['CustomerIdentityAdded']);
    this.#revision = revision;
    this.identities.push(value);
  }

  async #purchase(): Promise<void> {
    const unitPrice = BigInt(this.#random.whole(1, 9_999_999));
    const quantity = this.#random.whole(1, 5);
    const price = `${unitPrice / 10_000n}.${String(unitPrice % 10_000n).padStart(4, '0')}`;
    const line = { lineId: 'a', sku: 'S-1', name: 'Thing', quantity: String(quantity), unitPrice: price };
    const json = { customer: this.#customer, channel: 'web', currency: 'USD', lines: [line] };
    const { id } = await this.#send('purchase', '/v1/purchases', json, ['PurchaseRecorded']);
    this.gross += unitPrice * BigInt(quantity);
    this.#purchases.push({ id, unitPrice, quantity });
  }

  async #giveBack(): Promise<void> {
    const purchase = this.#purchases.find(({ quantity }) => quantity > 0);
    if (!purchase) return;
    const quantity = this.#random.whole(1, purchase.quantity);
    const json = { lines: [{ lineId: 'a', quantity: String(quantity) }] };
    await this.#send('return', `/v1/purchases/${purchase.id}/returns`, json, ['PurchaseReturned']);
    purchase.quantity -= quantity;
    this.returned += purchase.unitPrice * BigInt(quantity);
  }

  async #earn(): Promise<void> {
    const points = this.#random.whole(1, 100);
    const path = `/v1/loyalty/${this.customerId}/earnings`;
    await this.#send('earn', path, { points, reason: 'visit' }, ['PointsEarned']);
    this.earned += points;
  }

  async #spend(): Promise<void> {
    const balance = this.earned - this.spent;
    if (balance < 1 || this.load.options.spends === false) return;
    const points = this.#random.whole(1, balance);
    const path = `/v1/loyalty/${this.customerId}/redemptions`;
    await this.#send('spend', path, { points, reason: 'voucher' }, ['PointsSpent']);
    this.spent += points;
  }

  /** To the same stream at once, through different processes where there are several. */
  async #earnAtOnce(): Promise<void> {
    await Promise.all([this.#earn(), this.#earn(), this.#earn()]);
  }

  async #answer(): Promise<void> {
    const score = this.#random.whole(0, 10);
    const json = { customer: this.#customer, score, channel: 'email' };
    await this.#send('answer', `/v1/surveys/${this.load.surveyId}/answers`, json, ['SurveyAnswered']);
    this.latestScore = score;
  }

  async #openCase(): Promise<void> {
    const json = { customer: this.#customer, kind: 'complaint', channel: 'email', subject: PERSONAL };
    const { id } = await this.#send('open', '/v1/feedback', json, ['FeedbackCaseOpened']);
    this.cases.push({ id, isOpen: true });
  }

  async #moveCase(): Promise<void> {
    if (this.cases.length === 0) return;
    const found = this.#random.oneOf(this.cases);
    const step = (name: string, json: Json, event: string): Promise<Acknowledged> =>
      this.#send(name, `/v1/feedback/${found.id}/${name}`, json, [event]);
    if (this.#random.isTrue(0.4)) {
      await step('responses', { message: PERSONAL }, 'FeedbackResponded');
    } else if (found.isOpen) {
      await step('resolution', { resolution: 'repaired' }, 'FeedbackResolved');
      found.isOpen = false;
    } else {
      await step('reopening', { reason: 'still broken' }, 'FeedbackReopened');
      found.isOpen = true;
    }
  }

  async #lines(): Promise<void> {
    const lines = Array.from({ length: this.#random.whole(2, 5) }, (): LineCommand & { points: number } => {
      const points = this.#random.whole(1, 100);
      return this.#random.isTrue(0.5)
        ? {
            key: this.#key(),
            type: 'EarnPoints',
            data: { customer: this.#customer, points, reason: 'list' },
            events: ['PointsEarned'],
            points,
          }
        : {
            key: this.#key(),
            type: 'RecordInteraction',
            data: this.#contactData(),
            events: ['InteractionRecorded'],
            points: 0,
          };
    });
    await this.load.sendLines(lines, this.customerId, this.#random);
    for (const { points } of lines) {
      this.earned += points;
      if (points === 0) this.contacts += 1;
    }
  }
}
