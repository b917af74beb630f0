/** The metrics of all slices by name. */
import { Inject, Injectable } from '@nestjs/common';
import { METRIC_SOURCES, type MetricDescription, type MetricSource } from '@timeline/composing';
import { DomainError, FaultError } from '@timeline/kernel';

@Injectable()
export class MetricCatalogue {
  readonly #byName = new Map<string, { description: MetricDescription; source: MetricSource }>();

  /** @throws FaultError METRIC_TWICE when two slices give a metric of the same name */
  constructor(@Inject(METRIC_SOURCES) sources: readonly MetricSource[]) {
    for (const source of sources) {
      for (const description of source.metrics) {
        const { name } = description;
        if (this.#byName.has(name)) throw new FaultError('METRIC_TWICE', `two slices give a metric named ${name}`);
        this.#byName.set(name, { description, source });
      }
    }
  }

  descriptions(): MetricDescription[] {
    return [...this.#byName.values()].map(({ description }) => description).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** @throws DomainError METRIC_NOT_FOUND, which says what metrics there are */
  named(name: string): { description: MetricDescription; source: MetricSource } {
    const found = this.#byName.get(name);
    if (found) return found;
    const known = [...this.#byName.keys()].sort();
    throw new DomainError('METRIC_NOT_FOUND', `there is no metric "${name}"; there are: ${known.join(', ')}`, {
      known,
    });
  }
}
