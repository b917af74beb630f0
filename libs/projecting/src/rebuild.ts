/**
 * Rebuild: a new copy of a projection is filled beside the live one, checked, and then made the one that is read. It
 * resumes after a crash, can be cancelled, and the copy read until then is kept, fed, as the way back.
 */
import type { EventStore } from '@timeline/event-store';
import { delay, DomainError, UnavailableError } from '@timeline/kernel';
import { checkpointAt, isOfThisLog, type Checkpoint } from './build.js';
import { compareBuilds, type Comparison } from './compare-builds.js';
import { BuildRunner, Feed, type FeedContext, type FeedProgress } from './feed.js';
import type { ProjectionEngine } from './projection-engine.js';
import type { AnyProjection } from './projection.js';
import { verifyBuild, type VerifyOptions, type VerifyReport } from './verify.js';

/** Longer than readers keep a pointer and feeds wait between two looks at the builds. */
const LET_GO_MS = 3_000;

export interface RebuildOptions {
  engine: ProjectionEngine;
  context: FeedContext;
  verify: Omit<VerifyOptions, 'builds'>;
  /** Switches even when the new build has parked events. */
  force?: boolean;
  progress?: (progress: FeedProgress) => void;
  /** Told what a build of another version than the live one would change, before it is switched to. */
  compared?: (comparison: Comparison) => void;
  signal?: AbortSignal;
}

export interface RebuildReport {
  build: string;
  previous: string | undefined;
  resumed: boolean;
  verified: VerifyReport;
  /** With the build read until now, where that is of another version. */
  comparison?: Comparison;
}

/** @throws DomainError REBUILD_DIFFERS (not switched), REBUILD_PARKED (not switched without `force`), REBUILD_CANCELLED */
export async function rebuild(projection: AnyProjection, options: RebuildOptions): Promise<RebuildReport> {
  const { engine, context } = options;
  const { builds } = engine;
  await builds.prepare();
  const unfinished = (await builds.list(projection.name)).find(
    (build) => build.state === 'filling' && build.version === projection.version && build.filledBy === 'command-line',
  );
  const build = unfinished ?? (await builds.create(projection, 'command-line'));
  await builds.ensureCollections(projection, build._id);
  const runner = await BuildRunner.of(build, engine.targetOf(projection, build), builds);
  await fill(runner, context, options);

  const verified = await verifyBuild(projection, build, {
    ...options.verify,
    builds,
    ...(runner.position && { upTo: runner.position }),
  });
  if (verified.differing > 0) {
    throw new DomainError(
      'REBUILD_DIFFERS',
      `build ${build._id} differs from the fold of the log in ${verified.differing} documents; it was not switched to`,
      { differences: verified.differences.slice(0, 20) },
    );
  }
  const read = (await builds.pointer(projection.name))?.live;
  const other = (await builds.list(projection.name)).find(
    ({ _id, version }) => _id === read && version !== build.version,
  );
  const comparison = other && (await compareBuilds(builds, other, build));
  if (comparison) options.compared?.(comparison);
  if (verified.parked > 0 && !options.force) {
    throw new DomainError(
      'REBUILD_PARKED',
      `build ${build._id} has ${verified.parked} documents with parked events; mend them, or switch with --force`,
    );
  }

  // From here on the running product moves it; this process goes on until it is past the build read now.
  if (!(await builds.setState(build._id, 'fed'))) throw droppedMeanwhile(build._id);
  const live = (await builds.pointer(projection.name))?.live;
  if (live) await passLive(runner, live, context, options);
  await builds.point(projection.name, build._id);
  // As the pointer says it: another rebuild may have switched to this very build already.
  const previous = (await builds.pointer(projection.name))?.previous;
  if (!(await builds.setState(build._id, 'fed'))) {
    // Another rebuild came to drop it before it saw the pointer.
    if (previous) await builds.point(projection.name, previous);
    throw droppedMeanwhile(build._id);
  }
  // One that was folded from what this log has lost is no way back; kept, it would only stand there, stopped and red.
  const passed = previous === undefined ? undefined : (await builds.checkpoints([previous])).get(previous);
  const isLost = passed !== undefined && !(await mayBeOfThisLog(context.events, passed));
  const wayBack = isLost ? undefined : previous;
  await dropOthers(projection, engine, [build._id, wayBack]);
  return {
    build: build._id,
    previous: wayBack,
    resumed: unfinished !== undefined,
    verified,
    ...(comparison && { comparison }),
  };
}

/** Makes the build that was read before the one that is read again. @throws DomainError NO_WAY_BACK */
export async function rollBack(
  projection: AnyProjection,
  engine: ProjectionEngine,
  context: FeedContext,
): Promise<string> {
  const pointer = await engine.builds.pointer(projection.name);
  const previous = (await engine.builds.list(projection.name)).find((build) => build._id === pointer?.previous);
  if (!pointer || !previous || previous.state !== 'fed' || previous.version !== projection.version) {
    throw new DomainError(
      'NO_WAY_BACK',
      `projection ${projection.name} keeps no earlier build of version ${projection.version}`,
    );
  }
  const runner = await BuildRunner.of(previous, engine.targetOf(projection, previous), engine.builds);
  await passLive(runner, pointer.live, context, {});
  await engine.builds.point(projection.name, previous._id);
  return previous._id;
}

/** Gives up an unfinished rebuild. Answers how many builds were dropped. */
export async function cancelRebuild(projection: AnyProjection, engine: ProjectionEngine): Promise<number> {
  const unfinished = (await engine.builds.list(projection.name)).filter(
    (build) => build.state === 'filling' && build.filledBy === 'command-line',
  );
  for (const build of unfinished) await engine.builds.drop(build);
  return unfinished.length;
}

/** While the log is away it may be. */
async function mayBeOfThisLog(events: EventStore, checkpoint: Checkpoint): Promise<boolean> {
  try {
    return await isOfThisLog(events, checkpoint);
  } catch (error) {
    if (error instanceof UnavailableError) return true;
    throw error;
  }
}

const droppedMeanwhile = (buildId: string): DomainError =>
  new DomainError(
    'REBUILD_CANCELLED',
    `build ${buildId} was cancelled or dropped by another rebuild; it was not switched to`,
  );

type FillOptions = Pick<RebuildOptions, 'progress' | 'signal'>;

async function fill(runner: BuildRunner, context: FeedContext, options: FillOptions): Promise<void> {
  const told = { ...context, ...(options.progress && { progressed: options.progress }) };
  const feed = new Feed(told, 'filling', [runner]);
  const cancel = (): void => void feed.stop();
  options.signal?.addEventListener('abort', cancel, { once: true });
  feed.start();
  await feed.finished();
  options.signal?.removeEventListener('abort', cancel);
  if (options.signal?.aborted) {
    throw new DomainError(
      'REBUILD_CANCELLED',
      'cancelled; the same command goes on from where it stopped, --cancel drops it',
    );
  }
  assertSound(runner);
  // Over what the filter left out, so that positions can be compared.
  const head = await context.events.head();
  if (head && (runner.position ?? '') < head.position) {
    await new Feed(context, 'filling', [], checkpointAt(head)).adopt(runner);
    assertSound(runner);
  }
}

function assertSound({ fault }: BuildRunner): void {
  if (fault) throw new DomainError(fault.code, fault.message);
}

/**
 * Moves the build on until it is at or past the live one's checkpoint. A live one that was folded from another log, or
 * from what this one has lost, is behind in any case.
 */
async function passLive(runner: BuildRunner, live: string, context: FeedContext, options: FillOptions): Promise<void> {
  for (;;) {
    const stored = await context.builds.checkpoints([live, runner.build._id]);
    const own = stored.get(runner.build._id);
    if (own) runner.moveTo(own);
    const passed = stored.get(live);
    if (!passed || (runner.position ?? '') >= passed.position) return;
    if (!(await isOfThisLog(context.events, passed))) return;
    await fill(runner, context, options);
  }
}

async function dropOthers(
  projection: AnyProjection,
  engine: ProjectionEngine,
  keep: (string | undefined)[],
): Promise<void> {
  const others = (await engine.builds.list(projection.name)).filter(
    (build) => !keep.includes(build._id) && build.version <= projection.version,
  );
  for (const build of others) await engine.builds.setState(build._id, 'dropping');
  // Readers that still hold the old pointer, and feeds that have not looked yet, must let go before the collections do.
  if (others.length > 0) await delay(LET_GO_MS);
  const pointer = await engine.builds.pointer(projection.name);
  for (const build of others) if (build._id !== pointer?.live) await engine.builds.drop(build);
}
