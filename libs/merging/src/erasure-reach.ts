/**
 * Whom the erasure of a customer takes: everybody who was merged with the customer when it was asked for, by what the log
 * says at that position. The streams of customers and of merges know nothing of each other, so commands race; the log
 * puts them in one order, and that order alone decides, whoever asks and whenever:
 *
 * 1. Merged, then erased: all of the group are taken, over any number of merges, however they were laid over each other.
 * 2. Erased, then merged (the merge was accepted before it could know): the merge has no effect for the erased, now or
 *    ever; who was to be merged with them stays. Others of the same merge are merged.
 * 3. Undone, then erased: who parted is not taken.
 * 4. Erased, then undone: too late, they are taken. An erasure freezes the merges of all whom it takes.
 * 5. Between the erasure and the reaction that erases the others, one of these is merged with somebody else: as in 2,
 *    since that one was taken when the erasure was recorded, not when its own was. Whom it would drag along stays.
 * 6. In that time one of these is erased by request: it is taken already, its request takes nobody more.
 * 7. Two of a group are erased by request at once: the first in the log takes all, the second nobody.
 * 8. In that time somebody merged as in 5 is erased by request: that takes those merged with *them*, not the other's group.
 * 9. The reaction dies half way, or two run at once: asked again it is told the same, since what came later changes
 *    nothing (2, 4), and who is erased already is passed over. It takes the others *before* it destroys the keys of the
 *    first and records that; until then it stays owed, so nobody of a group stays half erased.
 *
 * So that 5, 6 and 8 come out the same in whatever order reactions run, an erasure is judged with all that ever touched
 * the merges around it, played in the order of the log; erasures that others caused (`erasedWith`) say nothing new.
 */
import type { Position } from '@timeline/kernel';
import { counterparts, type MergesOfCustomer } from './projections/groups.projection.js';

type Histories = ReadonlyMap<string, MergesOfCustomer>;

/** The histories of all whom merges, open or undone, ever put in one group with the customer, over any number of steps. */
export async function historiesAround(
  customerId: string,
  load: (ids: string[]) => Promise<Histories>,
): Promise<Histories> {
  const found = new Map<string, MergesOfCustomer>();
  const asked = new Set([customerId]);
  for (let pending = [customerId]; pending.length > 0;) {
    const loaded = await load(pending);
    pending = [];
    for (const [id, history] of loaded) {
      found.set(id, history);
      for (const other of Object.values(history.merges).flatMap(counterparts)) {
        if (asked.has(other)) continue;
        asked.add(other);
        pending.push(other);
      }
    }
  }
  return found;
}

interface Step {
  position: Position;
  play(): void;
}

/** Whom the customer's own erasure takes besides, sorted; nobody where another's had taken the customer before. */
export function takenWith(customerId: string, histories: Histories): string[] {
  /** Pairs that open merges hold together, as often as they do. */
  const links = new Map<string, string[]>();
  const takenBy = new Map<string, string>();
  const linksOf = (id: string): string[] => links.get(id) ?? [];
  // Whoever is taken is passed over from then on, and nobody beyond is reached: so their merges are frozen.
  const take = (root: string): void => {
    const group = takenBy.has(root) ? [] : [root];
    for (const member of group) {
      takenBy.set(member, root);
      group.push(...new Set(linksOf(member).filter((other) => !takenBy.has(other) && !group.includes(other))));
    }
  };

  const steps: Step[] = [];
  for (const [id, { merges, erasedAt, erasedWith }] of histories) {
    if (erasedAt !== undefined && erasedWith === undefined) steps.push({ position: erasedAt, play: () => take(id) });
    // The survivor tells of the whole merge.
    for (const { others = [], from, to } of Object.values(merges)) {
      for (const other of others) {
        const ends = [
          [id, other],
          [other, id],
        ] as const;
        const open = (): void => ends.forEach(([a, b]) => links.set(a, [...linksOf(a), b]));
        const close = (): void =>
          ends.forEach(([a, b]) => links.set(a, linksOf(a).toSpliced(linksOf(a).indexOf(b), 1)));
        steps.push({ position: from, play: open });
        if (to !== undefined) steps.push({ position: to, play: close });
      }
    }
  }
  for (const { play } of steps.sort((a, b) => (a.position < b.position ? -1 : a.position > b.position ? 1 : 0))) play();
  return [...takenBy].flatMap(([id, by]) => (by === customerId && id !== customerId ? [id] : [])).sort();
}
