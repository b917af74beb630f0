/**
 * Runs the projections of this process: makes their builds, moves all of them with one subscription, fills new builds
 * beside the live ones, takes over builds that the command line filled, and says how far everything is.
 */
import type { PersonalVault } from '@timeline/key-store';
import type { EventStore } from '@timeline/event-store';
import type { ReadStore } from '@timeline/read-store';
import {
  allOf,
  backoffMs,
  delay,
  DomainError,
  errorCode,
  systemClock,
  UnavailableError,
  Upcasters,
  type Clock,
  type Position,
} from '@timeline/kernel';
import { assertSameLog, Builds, checkpointAt, DISCARDS, type BuildRecord } from './build.js';
import type { BatchTarget } from './apply-batch.js';
import { BuildRunner, faultOf, Feed, MAX_BEHIND_BYTES, type FeedContext, type FeedNotice } from './feed.js';
import type { AnyProjection } from './projection.js';

export interface ProjectionEngineOptions {
  events: EventStore;
  reads: ReadStore;
  vault: Pick<PersonalVault, 'open'>;
  projections: readonly AnyProjection[];
  upcasters?: Upcasters;
  clock?: Clock;
  /** Events per batch, default 1,000: in a large one, documents that many events touch are written once. */
  batchSize?: number;
  /**
   * Of events, as JSON, that what is behind takes at once at first, default 64 MiB; then 16 times as many, and so on, as
   * long as there is room. The larger, the fewer times a document is written, and the more a crash loses.
   */
  windowBytes?: number;
  /** Of documents folded and not written, as JSON, while builds are filled: at most about so many, default 24 MiB. */
  behindBytes?: number;
  report?: (notice: FeedNotice) => void;
}

export interface BuildStatus {
  projection: string;
  build: string;
  version: number;
  live: boolean;
  /** `filling`: on its way through what there was at the start. `held`: of a new version, complete and moving, but not switched to, because of what it has parked. */
  state: 'live' | 'filling' | 'held' | 'stopped';
  position: Position | undefined;
  fault?: { code: string; message: string };
  held?: HeldBuild;
}

export interface HeldBuild {
  code: 'BUILD_PARKED';
  /** Documents that wait behind an event that could not be applied. */
  parked: number;
  /** What to do. */
  message: string;
}

const BUILDS_POLL_MS = 1_000;
const DROP_ABANDONED_MS = 4_000;

export class ProjectionEngine {
  readonly builds: Builds;
  readonly context: FeedContext;
  readonly #runners = new Map<string, BuildRunner>();
  readonly #pointers = new Map<string, string>();
  #live: Feed | undefined;
  /** Each until what it filled is handed over. */
  readonly #filling = new Map<Feed, Promise<void>>();
  /** Complete builds of a new version that wait for their parked documents to be mended. */
  readonly #held = new Map<string, HeldBuild>();
  /** When each build that is being dropped was first seen so. */
  #dropping = new Map<string, number>();
  readonly #abort = new AbortController();
  #watching: Promise<void> | undefined;

  constructor(readonly options: ProjectionEngineOptions) {
    this.builds = new Builds(options.reads, options.clock ?? systemClock);
    this.context = {
      events: options.events,
      vault: options.vault,
      upcasters: options.upcasters ?? new Upcasters(),
      builds: this.builds,
      batchSize: options.batchSize ?? 1_000,
      windowBytes: options.windowBytes ?? 64 * 1024 * 1024,
      behindBytes: options.behindBytes ?? MAX_BEHIND_BYTES,
      report: options.report ?? (() => undefined),
    };
  }

  async start(): Promise<void> {
    await this.builds.prepare();
    const runners: BuildRunner[] = [];
    for (const projection of this.options.projections) runners.push(...(await this.#buildsOf(projection)));
    const sound = runners.filter((runner) => !runner.fault);
    const complete = sound.filter((runner) => runner.build.state === 'fed');
    const furthest = complete
      .map((runner) => runner.position)
      .reduce((a, b) => ((a ?? '') > (b ?? '') ? a : b), undefined);
    const level = complete.filter((runner) => runner.position === furthest);
    const head = level.length === 0 ? await this.options.events.head() : undefined;
    this.#live = new Feed(this.context, 'live', level, head && checkpointAt(head));
    this.#live.start();
    const behind = sound.filter((runner) => !level.includes(runner));
    if (behind.length > 0) this.#fill(behind);
    this.#watching = this.#watchBuilds();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await Promise.all([this.#live, ...this.#filling.keys()].map((feed) => feed?.stop()));
    await Promise.all([this.#watching, ...this.#filling.values()]);
  }

  /** Why a feed waits, while one does. */
  get waiting(): { code: string; message: string } | undefined {
    return [this.#live, ...this.#filling.keys()].map((feed) => feed?.waiting).find((waiting) => waiting !== undefined);
  }

  status(): BuildStatus[] {
    return [...this.#runners.values()].map((runner) => {
      const live = this.#pointers.get(runner.build.projection) === runner.build._id;
      const isLevel = this.#live !== undefined && !this.#live.isCatchingUp && this.#live.members.includes(runner);
      const held = live ? undefined : this.#held.get(runner.build._id);
      return {
        projection: runner.build.projection,
        build: runner.build._id,
        version: runner.build.version,
        live,
        state: runner.fault ? 'stopped' : !isLevel ? 'filling' : held ? 'held' : 'live',
        position: runner.position,
        ...(runner.fault && { fault: runner.fault }),
        ...(held && { held }),
      };
    });
  }

  /** The runner of a build in this process, if it runs here. */
  runner(buildId: string): BuildRunner | undefined {
    return this.#runners.get(buildId);
  }

  /** Builds to move for one projection, making the first one, or one for a new version. */
  async #buildsOf(projection: AnyProjection): Promise<BuildRunner[]> {
    const records = (await this.builds.list(projection.name)).filter((build) => build.state !== 'dropping');
    const current = records.filter((build) => build.version === projection.version);
    // A build that the command line is still filling is the command line's until it says otherwise.
    const ours = current.filter((build) => build.state === 'fed' || build.filledBy === 'product');
    const pointer = await this.builds.pointer(projection.name);
    if (pointer) this.#pointers.set(projection.name, pointer.live);
    const read = records.find((build) => build._id === pointer?.live);
    // The command line was quicker with the switch; it left what was read before.
    if (read?.version === projection.version) await this.#dropOlder(records, projection.version);
    const newest = ours.at(-1);
    // Held, or died between making it complete and pointing to it: what is left to do comes after the catching up.
    if (newest?.state === 'fed' && (!read || read.version < projection.version)) newest.state = 'filling';
    if (ours.length === 0) {
      const created = await this.builds.create(projection, 'product');
      ours.push(created);
      if (!pointer) {
        await this.builds.setState(created._id, 'fed');
        if (!(await this.builds.pointFirst(projection.name, created._id))) {
          // Another process was quicker: a second one would be fed by all of them, and read by nobody.
          await this.builds.setState(created._id, 'dropping');
          return this.#buildsOf(projection);
        }
        created.state = 'fed';
        this.#pointers.set(projection.name, created._id);
      } else {
        this.context.report({
          level: 'info',
          projection: projection.name,
          message: `version ${projection.version} is being filled beside the one that is read`,
        });
      }
    }
    return allOf(ours.map((build) => this.#runnerOf(projection, build)));
  }

  async #runnerOf(projection: AnyProjection, build: BuildRecord): Promise<BuildRunner> {
    await this.builds.ensureCollections(projection, build._id);
    const runner = await BuildRunner.of(build, this.targetOf(projection, build), this.builds);
    if (runner.checkpoint) {
      try {
        await assertSameLog(this.options.events, build, runner.checkpoint);
      } catch (error) {
        // Away is not another log: whoever asked tries again.
        if (error instanceof UnavailableError) throw error;
        runner.fault = faultOf(error);
        this.context.report({ level: 'error', projection: projection.name, ...runner.fault });
      }
    }
    this.#runners.set(build._id, runner);
    return runner;
  }

  targetOf(projection: AnyProjection, build: BuildRecord): BatchTarget {
    const discards = this.options.reads.collection(DISCARDS);
    return {
      projection,
      collections: this.builds.collections(build._id),
      isDiscarded: async (id) => (await discards.findOne({ _id: `${projection.name}/${id}` })) !== undefined,
    };
  }

  async #pointTo(build: BuildRecord): Promise<void> {
    await this.builds.point(build.projection, build._id);
    this.#pointers.set(build.projection, build._id);
  }

  /** Fills builds beside the live ones, then hands them to the live feed, then switches to those of a new version. */
  #fill(runners: readonly BuildRunner[]): void {
    if (this.#abort.signal.aborted) return;
    const feed = new Feed(this.context, 'filling', runners);
    feed.start();
    const handedOver = this.#handOver(feed, runners).finally(() => this.#filling.delete(feed));
    this.#filling.set(feed, handedOver);
  }

  async #handOver(feed: Feed, runners: readonly BuildRunner[]): Promise<void> {
    await feed.finished();
    for (const runner of runners) {
      const isWanted = (): boolean =>
        !this.#abort.signal.aborted && !runner.fault && this.#runners.get(runner.build._id) === runner;
      for (let attempt = 0; isWanted(); attempt += 1) {
        try {
          await this.#live?.adopt(runner);
          if (runner.build.state === 'filling' && isWanted()) await this.#complete(runner.build);
          break;
        } catch (error) {
          if (!isWanted()) break;
          this.context.report({
            level: 'warn',
            projection: runner.build.projection,
            code: errorCode(error),
            message: 'handing over to the live feed failed; trying again',
          });
          await delay(backoffMs(attempt), this.#abort.signal);
        }
      }
    }
  }

  /** Switches to a build of a new version, unless it has parked documents: then it is looked at again and again. */
  async #complete(build: BuildRecord): Promise<void> {
    // Dropped meanwhile, for one that the command line was quicker with; `#followBuilds` lets go of it.
    if (!(await this.builds.setState(build._id, 'fed'))) return;
    const all = await this.builds.list(build.projection);
    const live = (await this.builds.pointer(build.projection))?.live;
    // This one or, from another process, one as good.
    const isRead = all.some(
      ({ _id, version, state }) => _id === live && version === build.version && state !== 'dropping',
    );
    const parked = isRead ? 0 : await this.builds.countBlocked(build._id);
    if (parked > 0) return this.#hold(build, parked);
    this.#held.delete(build._id);
    build.state = 'fed';
    if (!isRead) await this.#pointTo(build);
    await this.#dropOlder(all, build.version);
    // As good as the one that is read, and so for nothing.
    if (isRead && live !== build._id) await this.builds.setState(build._id, 'dropping');
    if (isRead) return;
    this.context.report({
      level: 'info',
      projection: build.projection,
      message: `build ${build._id} is now the one read`,
    });
  }

  /** They are fed by nobody any more, so they would keep what is erased from now on. */
  async #dropOlder(builds: readonly BuildRecord[], version: number): Promise<void> {
    for (const older of builds) if (older.version < version) await this.builds.setState(older._id, 'dropping');
  }

  #hold(build: BuildRecord, parked: number): void {
    const isNews = !this.#held.has(build._id);
    const message =
      `build ${build._id} of version ${build.version} is complete but not read: ${parked} of its documents wait behind ` +
      `events that could not be applied. Mend it and run \`timeline parked retry ${build.projection}\`, leave the ` +
      `events out by \`timeline parked discard\`, or switch all the same: \`timeline rebuild ${build.projection} --force\``;
    this.#held.set(build._id, { code: 'BUILD_PARKED', parked, message });
    if (isNews) this.context.report({ level: 'warn', projection: build.projection, code: 'BUILD_PARKED', message });
  }

  /** Other processes make, switch and drop builds; this one follows. */
  async #watchBuilds(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      await delay(BUILDS_POLL_MS, signal);
      if (signal.aborted) return;
      try {
        await this.#followBuilds();
      } catch (error) {
        this.context.report({
          level: 'warn',
          code: errorCode(error),
          message: 'cannot look for new builds; trying again',
        });
      }
    }
  }

  async #followBuilds(): Promise<void> {
    await this.#live?.redoForgotten();
    const records = new Map((await this.builds.list()).map((build) => [build._id, build]));
    for (const [id, runner] of this.#runners) {
      const record = records.get(id);
      if (record && record.state !== 'dropping') continue;
      this.#runners.delete(id);
      this.#held.delete(id);
      for (const feed of [...this.#filling.keys(), this.#live]) await feed?.release(runner);
    }
    await this.#finishDrops([...records.values()].filter((build) => build.state === 'dropping'));
    for (const projection of this.options.projections) {
      const pointer = await this.builds.pointer(projection.name);
      if (pointer) this.#pointers.set(projection.name, pointer.live);
      for (const build of records.values()) {
        const isNew =
          build.projection === projection.name && build.version === projection.version && !this.#runners.has(build._id);
        if (!isNew || build.state !== 'fed') continue;
        const runner = await this.#runnerOf(projection, build);
        if (!runner.fault) this.#fill([runner]);
      }
    }
    for (const id of this.#held.keys()) {
      const runner = this.#runners.get(id);
      if (runner && !runner.fault) await this.#complete(runner.build);
    }
  }

  /** Whoever began to drop a build and has not come to its end for so long has died. */
  async #finishDrops(dropping: readonly BuildRecord[]): Promise<void> {
    const now = performance.now();
    const since = new Map(dropping.map(({ _id }) => [_id, this.#dropping.get(_id) ?? now]));
    this.#dropping = since;
    const read = new Set(this.#pointers.values());
    for (const build of dropping)
      if (!read.has(build._id) && now - (since.get(build._id) ?? now) >= DROP_ABANDONED_MS)
        await this.builds.drop(build);
  }

  projectionNamed(name: string): AnyProjection {
    const projection = this.options.projections.find((candidate) => candidate.name === name);
    if (projection) return projection;
    const known = this.options.projections.map((candidate) => candidate.name).sort();
    throw new DomainError('PROJECTION_NOT_FOUND', `there is no projection "${name}"; there are: ${known.join(', ')}`);
  }
}
