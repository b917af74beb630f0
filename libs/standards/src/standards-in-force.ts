/**
 * Which standards are in force, from their streams and not from a read model, so that what this process has published is
 * in force at once. What another has published is seen a second later at most: until then a value may be accepted under
 * the version before, and the event that holds it says which version that was.
 */
import { Injectable } from '@nestjs/common';
import { EventStore } from '@timeline/event-store';
import { Clock, toInstant } from '@timeline/kernel';
import type { Standard } from './rules/rule.js';
import { FIELDS_STREAM, standardStream } from './standard.decider.js';
import type { StandardEvent, StandardFieldEvent } from './standards.events.js';

/** Those with rules, by field, and the instant at which they were looked up. */
export interface Standards {
  now: string;
  byField: ReadonlyMap<string, Standard>;
}

export interface PublishedStandard extends Standard {
  publishedAt: string;
}

type Versions = readonly PublishedStandard[];

const KEPT_MS = 1_000;

@Injectable()
export class StandardsInForce {
  #kept: { at: number; all: Promise<Versions[]> } | undefined;
  /** By field, what was read: a version never changes. */
  readonly #read = new Map<string, { versions: Versions; lastId: string }>();

  constructor(
    private readonly events: EventStore,
    private readonly clock: Clock,
  ) {}

  /** @throws UnavailableError */
  async current(): Promise<Standards> {
    const at = this.clock.now().getTime();
    const age = this.#kept ? at - this.#kept.at : NaN;
    // A clock that was put back tells no age.
    if (!(age >= 0 && age < KEPT_MS)) {
      const kept = { at, all: this.published() };
      this.#kept = kept;
      kept.all.catch(() => {
        if (this.#kept === kept) this.forget();
      });
    }
    const now = toInstant(at);
    const all = (await this.#kept?.all) ?? [];
    const inForce = all.flatMap((versions) => inForceAt(versions, now) ?? []).filter(({ rules }) => rules.length > 0);
    return { now, byField: new Map(inForce.map((standard) => [standard.field, standard])) };
  }

  /** What was just published is to be seen by the next command. */
  forget(): void {
    this.#kept = undefined;
  }

  /** All versions of all standards, by field. */
  async published(): Promise<Versions[]> {
    const named = await this.events.readStream(FIELDS_STREAM);
    // A slice's streams hold only the slice's own facts.
    const fields = named.map(({ data }) => (data as unknown as StandardFieldEvent['data']).field);
    return Promise.all([...new Set(fields)].sort().map((field) => this.versionsOf(field)));
  }

  /** The first version first; none where the field has no standard. */
  async versionsOf(field: string): Promise<Versions> {
    const read = this.#read.get(field);
    // The last of those that are known once more, so that a log which was put back to before it is noticed.
    const events = await this.events.readStream(standardStream(field), {
      fromRevision: read ? read.versions.length - 1 : 0,
    });
    if (read && events[0]?.id !== read.lastId) {
      this.#read.delete(field);
      return this.versionsOf(field);
    }
    const versions = [
      ...(read?.versions.slice(0, -1) ?? []),
      ...events.map(({ data, recordedAt }) => ({
        // As above.
        ...(data as unknown as StandardEvent['data']),
        publishedAt: recordedAt,
      })),
    ];
    const last = events.at(-1);
    if (last) this.#read.set(field, { versions, lastId: last.id });
    return versions;
  }
}

export const inForceAt = <S extends Standard>(versions: readonly S[], now: string): S | undefined =>
  versions.findLast(({ from }) => from <= now);
