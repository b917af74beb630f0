/**
 * After the faults: is everything there that was acknowledged, once, where the answer said, and nothing else? Do the read
 * models and the topics say the same? The ledger of the load is the measure. Problems are answered, not thrown, so that a
 * test shows all of them.
 */
import type { Recorded } from '@timeline/kernel';
import { productSlices } from '@timeline/product';
import { toCloudEvent, type PublicEventMapping } from '@timeline/relaying';
import { readCommittedFromKafka } from '../../../libs/messaging/src/testing/kafka-audit.js';
import { Api, sideBySide, type Json, type LoggedEvent } from '../../e2e/api.js';
import { inTenThousandths, type Acknowledged, type Journey, type Load } from './load.js';

export interface Audited {
  problems: string[];
  /** How many things were looked at, so that a report shows that the audit was not empty. */
  counts: Record<string, number>;
}

/** The log: every acknowledged command's events once, at the acknowledged place; no others; no revision twice or missing. */
export async function auditLog(load: Load, url: string): Promise<Audited & { events: LoggedEvent[] }> {
  const events = await new Api(url).events();
  const problems: string[] = [];

  const streams = new Map<string, number>();
  const ids = new Set<string>();
  let last = '';
  for (const { id, stream, revision, position } of events) {
    const expected = streams.get(stream) ?? 0;
    if (revision !== expected) problems.push(`${stream} has revision ${revision} where ${expected} should be`);
    streams.set(stream, revision + 1);
    if (ids.has(id)) problems.push(`event ${id} is twice in the log`);
    ids.add(id);
    if (position <= last) problems.push(`position ${position} comes after ${last}`);
    last = position;
  }

  const byPosition = new Map(events.map((event) => [event.position, event]));
  const ofCommand = new Map<string, LoggedEvent[]>();
  for (const event of events) {
    const name = commandOf(event);
    ofCommand.set(name, [...(ofCommand.get(name) ?? []), event]);
  }
  const acknowledgedTypes = new Set<string>();
  const explained = new Set<string>();
  for (const told of load.ledger.values()) {
    for (const type of told.events) acknowledgedTypes.add(type);
    const event = byPosition.get(told.position);
    if (!event) {
      problems.push(`lost: ${nameOf(told)} was acknowledged at ${told.position}, where there is nothing`);
      continue;
    }
    const made = ofCommand.get(commandOf(event)) ?? [];
    for (const { id } of made) explained.add(id);
    const types = made.map(({ type }) => type);
    if (event.revision !== told.revision || types.join() !== told.events.join())
      problems.push(`${nameOf(told)} made ${types.join()} in ${event.stream}, last at revision ${event.revision}`);
  }
  for (const { id, type, position } of events)
    if (acknowledgedTypes.has(type) && !explained.has(id))
      problems.push(`nobody was told of ${type} ${id} at ${position}, or another event was told in its place`);
  return { events, problems, counts: { commands: load.ledger.size, events: events.length } };
}

/** A command writes to several streams (identities); within one stream it is one write. */
const commandOf = ({ stream, metadata }: LoggedEvent): string => `${stream} ${String(metadata['commandId'])}`;
const nameOf = ({ key, command, id, revision }: Acknowledged): string => `${command} ${key} (${id} at ${revision})`;

interface Profile {
  interactions: { total: number };
  purchases: { byCurrency: Record<string, Record<'gross' | 'returned' | 'net', string>> };
  traits: Json;
  identities: { value: string }[];
  cases: { total: number; open: { caseId: string }[] };
  satisfaction: { latest: { NPS?: { score: number } } };
  points: number;
}

/** What is read over HTTP against the sums of the ledger. */
export async function auditReadModels(load: Load, url: string): Promise<Audited> {
  const api = new Api(url);
  const problems: string[] = [];
  const counts = { customers: 0, entries: 0 };
  await sideBySide(load.journeys, 4, async (journey) => {
    const { customerId } = journey;
    const own = `/v1/customers/${customerId}`;
    const same = (what: string, read: unknown, expected: unknown): void => {
      const [found, wanted] = [JSON.stringify(read), JSON.stringify(expected)];
      if (found !== wanted) problems.push(`${what} of ${customerId}: ${found}, acknowledged ${wanted}`);
    };
    const profile = await api.read<Profile>(own, load.position);
    const loyalty = await api.read<Json>(`/v1/loyalty/${customerId}`, load.position);
    const entries = await api.all<{ type: string; position: string }>(`${own}/timeline?limit=200`, load.position);

    same('contacts', profile.interactions.total, journey.contacts);
    same('points', [profile.points, loyalty['balance'], loyalty['earned'], loyalty['spent']], points(journey));
    const { gross, returned, net } = profile.purchases.byCurrency['USD'] ?? { gross: '0', returned: '0', net: '0' };
    const sums = [journey.gross, journey.returned, journey.gross - journey.returned];
    same('purchases', [gross, returned, net].map(inTenThousandths).map(String), sums.map(String));
    same('traits', sorted(profile.traits), sorted(journey.traits));
    same('identities', profile.identities.map(({ value }) => value).sort(), [...journey.identities].sort());
    same('latest score', profile.satisfaction.latest.NPS?.score, journey.latestScore);
    const open = journey.cases.filter(({ isOpen }) => isOpen).map(({ id }) => id);
    same(
      'cases',
      [profile.cases.total, profile.cases.open.map(({ caseId }) => caseId).sort()],
      [journey.cases.length, open.sort()],
    );
    const expected = [...load.ledger.values()].filter((told) => told.customerId === customerId);
    same('timeline', tally(entries.map(({ type }) => type)), tally(expected.flatMap(({ events }) => events)));
    same('positions of the timeline', new Set(entries.map(({ position }) => position)).size, entries.length);
    counts.customers += 1;
    counts.entries += entries.length;
  });
  return { problems, counts };
}

const points = ({ earned, spent }: Journey): number[] => [earned - spent, earned - spent, earned, spent];
const sorted = (members: Json): Json =>
  Object.fromEntries(Object.entries(members).sort(([a], [b]) => (a < b ? -1 : 1)));

function tally(words: readonly string[]): Json {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return sorted(counts);
}

/** What a consumer of committed messages sees: each public event of the log once, in order per customer, and no more. */
export async function auditTopics(broker: string, events: readonly LoggedEvent[]): Promise<Audited> {
  const problems: string[] = [];
  const mappings = productSlices({ reportingTimeZone: 'UTC', defaultPhoneRegion: 'US' }).flatMap(
    ({ publicEvents }) => publicEvents ?? [],
  );
  const expected = new Map(events.flatMap((event) => messagesOf(event, mappings)).map((made) => [made.id, made]));
  const logId = events[0]?.position.split(':')[0] ?? '';
  const seen = new Set<string>();
  for (const topic of new Set(mappings.map((mapping) => mapping.topic))) {
    const lastOf = new Map<string, string>();
    for (const { key, headers } of await readCommittedFromKafka(broker, topic)) {
      const [id = '', position = ''] = [headers['ce_id'], headers['ce_position']];
      // Other tests publish other logs to the same topics.
      if (!position.startsWith(`${logId}:`)) continue;
      const made = expected.get(id);
      if (!made || made.key !== key || made.topic !== topic || made.position !== position)
        problems.push(`${topic} holds ${id} of ${key} at ${position}, which the log does not tell`);
      if (seen.has(id)) problems.push(`${topic} holds ${id} at ${position} twice`);
      seen.add(id);
      if ((lastOf.get(key) ?? '') >= position) problems.push(`${topic} holds ${position} of ${key} out of order`);
      lastOf.set(key, position);
    }
  }
  for (const { id, topic, position } of expected.values())
    if (!seen.has(id)) problems.push(`${topic} lacks ${id} at ${position}`);
  return { problems, counts: { published: expected.size, seen: seen.size } };
}

function messagesOf(
  logged: LoggedEvent,
  mappings: readonly PublicEventMapping[],
): { id: string; key: string; topic: string; position: string }[] {
  // As it was read over HTTP: the same event without what is personal, which mappings do not see.
  const event = logged as unknown as Recorded;
  return mappings.flatMap((mapping) => {
    const fact = mapping.map(event);
    if (!fact) return [];
    const { key, headers, topic } = toCloudEvent(event, fact, { topic: mapping.topic });
    return [{ id: headers['ce_id'] ?? '', key, topic, position: event.position }];
  });
}
