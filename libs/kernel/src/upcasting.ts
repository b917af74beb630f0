/**
 * Upcasters lift an event of an old schema version to the next one on read, one event to one event, so that
 * deciders and projections know only the newest shape. A renamed type keeps its old name registered.
 */
import { FaultError } from './errors.js';
import type { Fact } from './event.js';

export interface Upcaster {
  type: string;
  /** Lifts events of this `schemaVersion` to the next. */
  fromVersion: number;
  /** The type's new name, where the lift renames it. */
  renamedTo?: string;
  lift(fact: Fact): Fact;
}

export class Upcasters {
  readonly #registered = new Map<string, Upcaster>();

  constructor(upcasters: readonly Upcaster[] = []) {
    for (const upcaster of upcasters) {
      const key = `${upcaster.type}@${upcaster.fromVersion}`;
      if (this.#registered.has(key)) throw new FaultError('UPCASTER_TWICE', `two upcasters are registered for ${key}`);
      this.#registered.set(key, upcaster);
    }
  }

  /** `types` and every older stored name whose events are lifted to one of them: what a server-side filter must include. */
  storedTypes(types: Iterable<string>): string[] {
    const names = new Set(types);
    for (let before = -1; before !== names.size;) {
      before = names.size;
      for (const { type, renamedTo } of this.#registered.values())
        if (renamedTo && names.has(renamedTo)) names.add(type);
    }
    return [...names].sort();
  }

  lift(fact: Fact, schemaVersion: number): { fact: Fact; schemaVersion: number } {
    if (this.#registered.size === 0) return { fact, schemaVersion };
    for (;;) {
      const upcaster = this.#registered.get(`${fact.type}@${schemaVersion}`);
      if (!upcaster) return { fact, schemaVersion };
      fact = { ...upcaster.lift(fact), type: upcaster.renamedTo ?? fact.type };
      schemaVersion += 1;
    }
  }
}
