/** A read store that goes away, is slow, or comes back as an older copy of itself. */
import { UnavailableError } from '@timeline/kernel';
import type { GuardedWrite, ReadStore, StoredDocument } from '@timeline/read-store';

/** Every operation fails as an absent server's would, while `outage.isAway`. */
export interface Outage {
  isAway: boolean;
  epoch?: number;
  /** Awaited before each operation, and after it, before its outcome is known. */
  before?: () => Promise<void>;
  after?: () => Promise<void>;
  /** Awaited before each guarded write. */
  beforeWrite?: (writes: readonly GuardedWrite<{ _id: string }>[]) => Promise<void>;
}

const away = (): UnavailableError => new UnavailableError('read store', 'away');

// eslint-disable-next-line require-yield
async function* awayStream(): AsyncGenerator<never> {
  await Promise.reject(away());
}

const AWAITED: ReadonlySet<string | symbol> = new Set(['find', 'findOne', 'findByIds', 'writeGuarded']);

export function awayWhile(reads: ReadStore, outage: Outage): ReadStore {
  const guarding = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(object, name) {
        if (name === 'epoch') return outage.epoch ?? 0;
        const member: unknown = Reflect.get(object, name, object);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]): unknown => {
          if (name === 'collection') return guarding(member.apply(object, args) as object);
          if (outage.isAway) return name === 'stream' ? awayStream() : Promise.reject(away());
          if (name === 'writeGuarded' && outage.beforeWrite)
            // Of the collection that is stood before, with its own arguments.
            return outage
              .beforeWrite(args[0] as GuardedWrite<{ _id: string }>[])
              .then(() => member.apply(object, args));
          if (!AWAITED.has(name)) return member.apply(object, args);
          return (async (): Promise<unknown> => {
            await outage.before?.();
            const outcome: unknown = await member.apply(object, args);
            await outage.after?.();
            return outcome;
          })();
        };
      },
    });
  return guarding(reads);
}

export const CHECKPOINTS = 'projection-checkpoints';
export type Copy = ReadonlyMap<string, readonly StoredDocument[]>;

export async function copyOf(reads: ReadStore): Promise<Copy> {
  const copy = new Map<string, readonly StoredDocument[]>();
  for (const name of await reads.listCollections()) copy.set(name, await reads.collection(name).find({}));
  return copy;
}

/** What is there becomes what was there; checkpoints last, since a real store comes back as a whole. */
export async function bringBack(reads: ReadStore, copy: Copy): Promise<void> {
  for (const [name, docs] of [...copy].sort(([a], [b]) => Number(a === CHECKPOINTS) - Number(b === CHECKPOINTS))) {
    await reads.collection(name).deleteMany({ _id: { $exists: true } });
    await reads.collection(name).writeGuarded(docs.map((doc) => ({ doc, guard: 'absent' })));
  }
}
