/**
 * Writes the log: a group of appends is one transaction, in which each is decided by itself. It runs where the log is read,
 * or in a thread of its own (`log-writer.worker.ts`), so nothing here knows of more than one group at a time.
 */
import { toInstant, type Clock } from '@timeline/kernel';
import type { SqliteDatabase, SqliteValue, Writer } from '@timeline/sqlite';
import type { CheckedEvent } from '../append-validation.js';
import { decideAppend } from './append-decision.js';

export interface Append {
  stream: string;
  events: readonly CheckedEvent[];
  /** Revision of the stream's last event, -1 of a new stream. */
  expected: number | 'any';
}

/** Of one append. `offset`: row id of its last event. `current`: of a refused one, the revision that the stream is at. */
export type Outcome = { revision: number; offset: number; isRepeat: boolean } | { current: number };

const INSERTED = 'INTO event (stream, revision, id, type, data, personal, metadata, recorded_at)';
const INSERT = `INSERT ${INSERTED} VALUES (?, ?, ?, ?, ?, ?, ?, ?)`;
/**
 * Of a new stream; nothing where the stream is there, since a revision is not null. (`INSERT … SELECT … WHERE NOT EXISTS` says
 * it plainer and takes half as long again: SQLite puts the row aside first.)
 */
const BEGIN_STREAM = `INSERT OR IGNORE ${INSERTED}
  VALUES (?, CASE WHEN EXISTS (SELECT 1 FROM event WHERE stream = ?) THEN NULL ELSE 0 END, ?, ?, ?, ?, ?, ?)`;
const LAST_OF_STREAM = 'SELECT revision FROM event WHERE stream = ? ORDER BY revision DESC LIMIT 1';
const KNOWN_IN_STREAM =
  'SELECT id, revision, position FROM event WHERE stream = ? AND id IN (SELECT value FROM json_each(?))';

/** An event that its stream holds already. */
interface KnownEvent {
  id: string;
  revision: number;
  position: number;
}

export class LogWriter implements Writer<readonly Append[], Outcome[]> {
  constructor(
    private readonly db: SqliteDatabase,
    private readonly clock: Clock,
  ) {}

  /**
   * The outcomes in the order of the appends, once they are durable.
   * @throws UnavailableError, FaultError: then nobody knows of any of them
   */
  write(appends: readonly Append[]): Promise<Outcome[]> {
    return this.db.immediate(() => appends.map((append) => this.#write(append)));
  }

  #write({ stream, events, expected }: Append): Outcome {
    const recordedAt = toInstant(this.clock.now());
    const [first] = events;
    if (expected === -1 && events.length === 1 && first) {
      const begun = this.db.run(BEGIN_STREAM, [stream, stream, ...contentOf(first), recordedAt]);
      if (begun.changes === 1) return { revision: 0, offset: begun.lastInsertRowid, isRepeat: false };
    }
    const current = this.db.value<number>(LAST_OF_STREAM, [stream]) ?? -1;
    const known = current === -1 ? new Map<string, KnownEvent>() : this.#knownIn(stream, events);
    const knownRevisions = events.flatMap(({ id }) => known.get(id)?.revision ?? []);
    const decision = decideAppend(expected, current, knownRevisions, events.length);
    switch (decision.kind) {
      case 'conflict':
        return { current };
      case 'repeat': {
        const last = known.get(events.at(-1)?.id ?? '');
        return { revision: decision.lastRevision, offset: last?.position ?? 0, isRepeat: true };
      }
      case 'write': {
        let revision = current;
        let offset = 0;
        for (const event of events) {
          revision += 1;
          offset = this.db.run(INSERT, [stream, revision, ...contentOf(event), recordedAt]).lastInsertRowid;
        }
        return { revision, offset, isRepeat: false };
      }
    }
  }

  #knownIn(stream: string, events: readonly CheckedEvent[]): Map<string, KnownEvent> {
    const ids = JSON.stringify(events.map(({ id }) => id));
    const rows = this.db.all<KnownEvent>(KNOWN_IN_STREAM, [stream, ids]);
    return new Map(rows.map((row) => [row.id, row]));
  }
}

const contentOf = ({ id, type, data, personal, metadata }: CheckedEvent): SqliteValue[] => [
  id,
  type,
  data,
  personal ?? null,
  metadata,
];
