/**
 * Processes race for the same few identities, on the same stores. Some are killed between claim and registration, some
 * stand still there (SIGSTOP) until their claims have lapsed and others have come, and then go on. What must hold is read
 * from the log: never two owners, nothing claimed that nobody holds, nothing acknowledged that is not there, and in the
 * end each identity has an owner or can be had.
 */
import { fork, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { readConfig } from '@timeline/composing';
import { openEventStore, type EventStore } from '@timeline/event-store';
import { KeyRing, loadMasterKey, openKeyStore, PersonalVault, type KeyStore } from '@timeline/key-store';
import { commandIdOf, deriveId, systemClock, Upcasters, type Recorded } from '@timeline/kernel';
import { CLAIM_LIFETIME_MS } from '../../../libs/customers/src/projections/identity-claims.projection.js';
import {
  assertNothingLeftBehind,
  assertOneOwner,
  followOwnership,
  type Ownership,
} from '../../../libs/customers/src/testing/ownership.js';
import { RunningProduct } from '../../support/running-product.js';
import { openStores } from '../../support/stores.js';
import { MovedClock } from './moved-clock.js';
import { Random, sleep } from './random.js';

const CLAIMANT = fileURLToPath(new URL('./claimant.mjs', import.meta.url));
const LONGER_THAN_A_CLAIM_MS = CLAIM_LIFETIME_MS + 1_000;
const MEMBERS = ['m0', 'm1', 'm2', 'm3', 'm4'];
const CLAIMANTS = 4;
const CALLER = 'race';
/** What a command may be answered with that changed nothing. */
const REFUSALS = ['IDENTITY_TAKEN', 'IDENTITY_NOT_FOUND', 'CUSTOMER_NOT_FOUND'];

interface Command {
  key: string;
  type: 'RegisterCustomer' | 'AddIdentity' | 'RemoveIdentity';
  commandId: string;
  customerId: string;
  data: object;
}

interface Fate {
  signal: 'SIGKILL' | 'SIGSTOP';
  /** `owner`: just before the owner's own event. */
  atStep: number | 'owner';
}

interface Fated {
  command: Command;
  atStep: Fate['atStep'];
}

interface Round {
  /** At once: one that is killed, one that stands still, and others beside them. */
  dying: Fated;
  late: Fated;
  beside: readonly Command[];
  /** Whether claims have lapsed, and others came `meanwhile`, before the late one goes on. */
  isOver: boolean;
  meanwhile: readonly Command[];
}

type Ending = { id: string } | { code: string } | Fate['signal'];

export interface RaceResult {
  problems: string[];
  /** How often what the race is about came about. */
  seen: {
    /** Killed, or stopped, with a claim that no owner's event confirms. */
    killedHoldingClaims: number;
    stoppedHoldingClaims: number;
    /** Of those stopped: went on after their claims had lapsed, and were refused, or claimed anew. */
    lateAndRefused: number;
    lateAndRecorded: number;
    lapsed: number;
    acknowledged: number;
  };
}

export async function raceForIdentities(seed: number, rounds: number): Promise<RaceResult> {
  const product = await RunningProduct.create({ DEMO: 'off' }, openStores);
  const claimants: Claimant[] = [];
  try {
    const clock = new MovedClock(path.join(product.folder, 'clock-offset'));
    Object.assign(product.env, clock.env);
    await product.start();
    const env = { ...product.env, ...product.stores.envElsewhere, ROLES: 'commands' };
    for (let each = 0; each < CLAIMANTS; each += 1) claimants.push(new Claimant(env));
    const log = await Log.open(product.stores.envElsewhere);
    try {
      return await new Race(seed, claimants, log, clock).run(rounds);
    } finally {
      await log.close();
    }
  } finally {
    await Promise.all(claimants.map((claimant) => claimant.kill()));
    await product.dispose();
  }
}

class Race {
  readonly #random: Random;
  readonly #problems: string[] = [];
  readonly #acknowledged = new Map<string, { command: Command; id: string }>();
  /** As the last round left it. */
  #held: readonly { customerId: string; value: string }[] = [];
  #commands = 0;
  readonly #seen: RaceResult['seen'] = {
    killedHoldingClaims: 0,
    stoppedHoldingClaims: 0,
    lateAndRefused: 0,
    lateAndRecorded: 0,
    lapsed: 0,
    acknowledged: 0,
  };

  constructor(
    seed: number,
    readonly claimants: readonly Claimant[],
    readonly log: Log,
    readonly clock: MovedClock,
  ) {
    this.#random = new Random(seed, 'identities');
  }

  async run(rounds: number): Promise<RaceResult> {
    await this.#round(this.#story());
    for (let round = 1; round < rounds; round += 1) {
      this.#held = heldIn(await this.log.ownership());
      await this.#round(this.#atRandom());
    }
    await this.#letLapse();
    await this.#sendAgain();
    await this.#haveEach();

    const events = await this.log.read();
    this.#hold(() => followOwnership(events, assertOneOwner));
    this.#hold(() => assertNothingLeftBehind(followOwnership(events, () => undefined)));
    this.#seen.lapsed = events.filter(({ type }) => type === 'IdentityClaimLapsed').length;
    this.#seen.acknowledged = this.#acknowledged.size;
    return { problems: this.#problems, seen: this.#seen };
  }

  /** One dies with its claim, one is late with its own, and both identities are somebody else's by then. */
  #story(): Round {
    return {
      dying: { command: registration('dying', ['m0']), atStep: 'owner' },
      late: { command: registration('late', ['m1']), atStep: 'owner' },
      beside: [],
      isOver: true,
      meanwhile: [registration('after-death', ['m0']), registration('before-late', ['m1'])],
    };
  }

  #atRandom(): Round {
    const fated = (): Fated => ({
      command: this.#command(),
      atStep: this.#random.isTrue(0.7) ? 'owner' : this.#random.whole(1, 26),
    });
    return {
      dying: fated(),
      late: fated(),
      beside: [this.#command(), this.#command()],
      // Else its claims lapse while the late one goes on.
      isOver: this.#random.isTrue(0.7),
      meanwhile: [this.#command(), this.#command()],
    };
  }

  async #round({ dying, late, beside, isOver, meanwhile }: Round): Promise<void> {
    const [toDie, toBeLate, ...others] = this.claimants;
    if (!toDie || !toBeLate) throw new Error('a race needs claimants');
    const sendToOthers = (commands: readonly Command[]): Promise<unknown> =>
      Promise.all(commands.flatMap((command, index) => (others[index] ? [this.#send(others[index], command)] : [])));
    const [death, stop] = await Promise.all([
      this.#send(toDie, dying.command, { signal: 'SIGKILL', atStep: dying.atStep }),
      this.#send(toBeLate, late.command, { signal: 'SIGSTOP', atStep: late.atStep }),
      sendToOthers(beside),
    ]);
    const holding = unconfirmed(await this.log.ownership());
    const isLate = stop === 'SIGSTOP' && holding.has(late.command.customerId);
    if (death === 'SIGKILL' && holding.has(dying.command.customerId)) this.#seen.killedHoldingClaims += 1;
    if (isLate) this.#seen.stoppedHoldingClaims += 1;

    if (isOver) {
      await this.#letLapse();
      await sendToOthers(meanwhile);
    } else this.clock.advance(LONGER_THAN_A_CLAIM_MS);
    if (stop === 'SIGSTOP') {
      toBeLate.goOn();
      const ending = this.#judge(late.command, await toBeLate.ending());
      if (isLate && isOver) this.#seen[isRefused(ending) ? 'lateAndRefused' : 'lateAndRecorded'] += 1;
    }
    // Whose answer never came asks again, as its client does.
    if (death === 'SIGKILL' && this.#random.isTrue(0.5)) await this.#send(toDie, dying.command);
  }

  /** The same few identities again and again: given to new customers, added to others, and taken from who has them. */
  #command(): Command {
    const key = `c${(this.#commands += 1)}`;
    const holder = this.#random.oneOf([undefined, ...this.#held]);
    const type = this.#random.oneOf(['RegisterCustomer', 'AddIdentity', 'RemoveIdentity', 'RemoveIdentity'] as const);
    if (holder && type !== 'RegisterCustomer') {
      const { customerId } = holder;
      const value = type === 'RemoveIdentity' ? holder.value : this.#random.oneOf(MEMBERS);
      const commandId = commandIdOf({ caller: CALLER, type, target: customerId, key });
      return { key, type, commandId, customerId, data: { customerId, kind: 'member', value } };
    }
    const values = Array.from({ length: this.#random.whole(1, 3) }, () => this.#random.oneOf(MEMBERS));
    return registration(key, [...new Set(values)]);
  }

  async #send(claimant: Claimant, command: Command, fate?: Fate): Promise<Ending> {
    await claimant.tell(command, fate);
    return this.#judge(command, await claimant.ending());
  }

  #judge(command: Command, ending: Ending): Ending {
    if (typeof ending === 'string') return ending;
    const before = this.#acknowledged.get(command.key);
    if (isRefused(ending)) {
      if (before || !REFUSALS.includes(ending.code))
        this.#problems.push(`${command.type} ${command.key} was answered ${ending.code}`);
    } else {
      if (before && before.id !== ending.id) this.#problems.push(`${command.key} was answered with another customer`);
      this.#acknowledged.set(command.key, { command, id: ending.id });
    }
    return ending;
  }

  /** Time passes, until no claim stands that nobody confirms. */
  async #letLapse(): Promise<void> {
    this.clock.advance(LONGER_THAN_A_CLAIM_MS);
    const end = performance.now() + 60_000;
    while (unconfirmed(await this.log.ownership()).size > 0) {
      if (performance.now() > end) throw new Error('claims that nobody confirmed do not lapse');
      await sleep(50);
    }
  }

  /** No identity is lost: it is taken exactly where somebody holds it. */
  async #haveEach(): Promise<void> {
    const held = new Set(heldIn(await this.log.ownership()).map(({ value }) => value));
    for (const value of MEMBERS) {
      const ending = await this.#send(this.#anyone(), registration(`last-${value}`, [value]));
      if (isRefused(ending) !== held.has(value))
        this.#problems.push(`${value} is ${held.has(value) ? '' : 'not '}held, but ${JSON.stringify(ending)}`);
    }
  }

  /** What was recorded is answered as the first time, whatever became of it since, and is not recorded again. */
  async #sendAgain(): Promise<void> {
    const before = await this.log.read();
    const recorded = new Set(before.map(({ metadata }) => metadata.commandId));
    for (const { command } of this.#acknowledged.values()) {
      if (recorded.has(command.commandId)) await this.#send(this.#anyone(), command);
      // One that changed nothing is not remembered.
      else if (command.type !== 'AddIdentity') this.#problems.push(`${command.key} was acknowledged and is lost`);
    }
    const added = (await this.log.read()).length - before.length;
    if (added > 0) this.#problems.push(`${added} events came of commands that were sent again`);
  }

  #anyone(): Claimant {
    return this.#random.oneOf(this.claimants);
  }

  #hold(rule: () => void): void {
    try {
      rule();
    } catch (error) {
      this.#problems.push(String(error));
    }
  }
}

const isRefused = (ending: Ending): ending is { code: string } => typeof ending === 'object' && 'code' in ending;

function registration(key: string, values: readonly string[]): Command {
  const type = 'RegisterCustomer';
  const commandId = commandIdOf({ caller: CALLER, type, target: '', key });
  const identities = values.map((value) => ({ kind: 'member', value }));
  return {
    key,
    type,
    commandId,
    customerId: deriveId('customer', commandId),
    data: { kind: 'person', stage: 'lead', identities },
  };
}

const heldIn = ({ customers }: Ownership): { customerId: string; value: string }[] =>
  [...customers].flatMap(([customerId, { identities }]) => identities.map(({ value }) => ({ customerId, value })));

/** Whose claims stand that they do not hold. */
function unconfirmed({ customers, identities }: Ownership): Set<string> {
  const owners = new Set<string>();
  for (const { current } of identities.values()) {
    if (current?.customerId === undefined) continue;
    const held = customers.get(current.customerId)?.identities ?? [];
    if (!held.some(({ claim }) => claim === current.id)) owners.add(current.customerId);
  }
  return owners;
}

/** A process that takes one command at a time; where it was killed, another takes its place. */
class Claimant {
  #child: ChildProcess;
  #isReady: Promise<unknown>;
  #ending: Promise<Ending> = Promise.resolve('SIGKILL');
  #ended: (ending: Ending) => void = () => undefined;
  #isOver = false;

  constructor(private readonly env: NodeJS.ProcessEnv) {
    [this.#child, this.#isReady] = this.#start();
  }

  async tell({ key, type, data }: Command, fate?: Fate): Promise<void> {
    await this.#isReady;
    this.#expectEnding();
    this.#child.send({ key, type, data, fate });
  }

  /** Of what it was told last: how it was answered, or by which signal it was not. */
  ending(): Promise<Ending> {
    return this.#ending;
  }

  goOn(): void {
    this.#expectEnding();
    // It tells that it stops just before it does.
    const waking = setInterval(() => this.#child.kill('SIGCONT'), 50);
    void this.#ending.then(() => clearInterval(waking));
  }

  async kill(): Promise<void> {
    this.#isOver = true;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    if (this.#child.kill('SIGKILL')) await gone;
  }

  #expectEnding(): void {
    this.#ending = new Promise((resolve) => (this.#ended = resolve));
  }

  #start(): [ChildProcess, isReady: Promise<unknown>] {
    const child = fork(CLAIMANT, { env: this.env, execArgv: [], stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
    const isReady = new Promise((resolve) => child.once('message', resolve));
    // What it sends is either of the two, save that it is ready.
    child.on('message', (told: 'ready' | { id: string } | { code: string }) => told !== 'ready' && this.#ended(told));
    child.stdout?.on('data', (line: Buffer) => line.toString().includes('SIGSTOP') && this.#ended('SIGSTOP'));
    child.once('exit', (code, signal) => {
      this.#ended(signal === 'SIGKILL' ? signal : { code: `ENDED_WITH_${code ?? signal}` });
      if (!this.#isOver) [this.#child, this.#isReady] = this.#start();
    });
    return [child, isReady];
  }
}

/** Read beside everybody. */
class Log {
  private constructor(
    private readonly events: EventStore,
    private readonly keys: KeyStore,
    private readonly vault: PersonalVault,
  ) {}

  static async open(env: NodeJS.ProcessEnv): Promise<Log> {
    const { eventStoreUrl, keyStoreUrl, masterKeyFile } = readConfig(env);
    const events = await openEventStore(eventStoreUrl, { clock: systemClock });
    const store = await openKeyStore(keyStoreUrl);
    const masterKey = loadMasterKey(masterKeyFile, { mayCreate: false });
    const ring = await KeyRing.open({ store, masterKey, logId: events.logId, mayClaim: false });
    return new Log(events, store, new PersonalVault(ring, new Upcasters()));
  }

  async read(): Promise<Recorded[]> {
    const all: Recorded[] = [];
    for await (const batch of this.events.readAll()) all.push(...(await this.vault.open(batch)));
    return all;
  }

  async ownership(): Promise<Ownership> {
    return followOwnership(await this.read(), () => undefined);
  }

  async close(): Promise<void> {
    await this.events.close();
    await this.keys.close();
  }
}
