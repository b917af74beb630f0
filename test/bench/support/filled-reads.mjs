/**
 * Read models of N entries, filled without the log they would come from: the timeline, profiles and groups, folded from made-up
 * events by the product's own projections. Only the customers themselves are in the log, since queries ask for them there.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import Libsql from 'libsql';
import { fillLog, historyOf, metadataOf } from './history.mjs';
import { environmentIn, lib, openProduct } from './product.mjs';
import { randomFrom, uuidFrom } from './random.mjs';

const BATCH = 10_000;
const GROUPS = 50;
/** The customers with the most entries are left alone: where groups begin. */
const FIRST_MERGED = 10;

/**
 * `singles`: customers `{ id }` by how often something happens to them. `merged`: groups `{ id, members }` of three. `tables`:
 * names and index expressions for a raw SELECT.
 */
export async function fillReads({ folder, entries, seed }) {
  await mkdir(folder, { recursive: true });
  const environment = environmentIn(folder);
  const product = await openProduct({ ...environment, ROLES: 'projections' });
  const { applyBatch } = await lib('projecting/src/apply-batch.js');
  const { timelineProjection } = await lib('timeline/src/projections/timeline.projection.js');
  const { profileProjection } = await lib('customers/src/projections/profile.projection.js');
  const { groupsProjection } = await lib('merging/src/projections/groups.projection.js');
  const { makePosition } = await lib('kernel/src/index.js');
  const { builds } = product.engine;
  await builds.prepare();
  const targets = [];
  for (const projection of [timelineProjection, profileProjection, groupsProjection]) {
    const build = await builds.create(projection, 'product');
    targets.push({ projection, build, collections: builds.collections(build._id), isDiscarded: async () => false });
  }

  const random = randomFrom(seed);
  const customers = [];
  let offset = 0;
  let last;
  let batch = [];
  const write = async () => {
    for (const target of targets) await applyBatch(target, batch);
    batch = [];
  };
  const tell = async ({ type, stream, data, personal }, { customerId, occurredAt, customerIds }) => {
    const id = uuidFrom(random);
    offset += 1;
    const position = makePosition(product.events.logId, String(offset).padStart(16, '0'));
    const metadata = { ...metadataOf({ id, customerId, occurredAt }), ...(customerIds && { customerIds }) };
    last = { position, id };
    batch.push({ id, type, data, personal, stream, revision: 0, position, recordedAt: occurredAt, metadata });
    if (batch.length === BATCH) await write();
  };
  const registrations = [];
  const count = Math.min(20_000, Math.max(500, Math.round(entries / 50)));
  for (const step of historyOf({ events: entries, customers: count, seed })) {
    if (customers.length < count) (customers.push(step.customerId), registrations.push(step));
    for (const fact of step.facts) await tell(fact, step);
  }
  await fillLog(product, registrations);

  const merged = [];
  for (let at = FIRST_MERGED; merged.length < GROUPS; at += 3) {
    const members = customers.slice(at, at + 3);
    const [survivor, ...others] = members;
    const mergeId = uuidFrom(random);
    const data = { mergeId, survivor, others };
    const occurredAt = '2019-01-01T00:00:00.000Z';
    await tell(
      { type: 'CustomersMerged', stream: `merge-${mergeId}`, data },
      { customerId: survivor, customerIds: members, occurredAt },
    );
    merged.push({ id: survivor, members });
  }
  if (batch.length > 0) await write();
  for (const { build, projection } of targets) {
    await builds.setState(build._id, 'fed');
    await builds.point(projection.name, build._id);
  }
  await builds.saveCheckpoints(
    new Map(targets.map(({ build }) => [build._id, { position: last.position, event: last }])),
  );
  await product.stop();

  const inGroups = new Set(merged.flatMap(({ members }) => members));
  return {
    environment,
    merged,
    singles: customers.filter((id) => !inGroups.has(id)).map((id) => ({ id })),
    tables: tablesOf(path.join(folder, 'reads.db'), targets),
  };
}

function tablesOf(file, [{ build: timeline }, { build: profile }]) {
  const db = new Libsql(file);
  const named = (pattern) => db.prepare('SELECT name, sql FROM sqlite_schema WHERE name LIKE ?').all([pattern])[0];
  const { sql } = named(`i:${timeline._id}:page`);
  const keys = sql.slice(sql.indexOf('" (') + 3, -1).split(/ ASC(?:, )?/);
  const tables = {
    timeline: `"${named(`c:${timeline._id}`).name}"`,
    profiles: `"${named(`c:${profile._id}-derived`).name}"`,
    ...{ customerId: keys[0], at: keys[1], position: keys[2] },
  };
  db.close();
  return tables;
}
