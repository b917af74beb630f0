/** What running reactions look for and find, by a clock that tests move, and when they have come to rest. */
import type { Type } from '@nestjs/common';
import { toInstant, type Position } from '@timeline/kernel';
import type { AnyReaction, ReactionLook } from '@timeline/reacting';
import type { Harness, TestClock } from '../../../composing/src/testing/harness.js';

interface Look {
  /** The reaction's projection. */
  of: string;
  look: ReactionLook;
  /** Subjects. */
  found: string[];
}

export class Looks {
  all: Look[] = [];
  readonly #reactions: AnyReaction[];

  /** From now on, of a harness that was just started. */
  constructor(
    private readonly harness: Harness,
    private readonly clock: TestClock,
    types: readonly Type<AnyReaction>[],
  ) {
    this.#reactions = types.map((type) => harness.get(type));
    for (const reaction of this.#reactions) {
      const find = reaction.find?.bind(reaction);
      if (!find) throw new Error(`${reaction.projection.name} looks for nothing of its own`);
      reaction.find = async (look) => {
        const found = await find(look);
        this.all.push({ of: reaction.projection.name, look, found: found.map(({ subject }) => subject) });
        return found;
      };
    }
  }

  /** Resolves once every reaction, having seen all that is in the log, finds nothing more to do. */
  async settled(): Promise<void> {
    const end = Date.now() + 30_000;
    let head: Position | undefined;
    do {
      head = await this.#head();
      for (const { projection } of this.#reactions) await this.harness.read(projection, head, () => Promise.resolve());
      await this.#findNothing(end);
      // One may have recorded what another answers.
    } while (this.#reactions.length > 1 && (await this.#head()) !== head);
  }

  async #head(): Promise<Position | undefined> {
    return (await this.harness.product.events.head())?.position;
  }

  async #findNothing(end: number): Promise<void> {
    const now = toInstant(this.clock.now());
    const from = this.all.length;
    const isAtRest = ({ projection: { name } }: AnyReaction): boolean => {
      const since = this.all.slice(from).filter(({ of, look }) => of === name && look.now === now);
      // The first of them may have begun before.
      return since.length >= 2 && since.at(-1)?.found.length === 0;
    };
    while (!this.#reactions.every(isAtRest)) {
      if (Date.now() > end) throw new Error('the reactions do not come to an end');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}
