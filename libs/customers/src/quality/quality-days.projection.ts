/** What was measured, a document per day: the latest measurement of it. */
import type { Projection } from '@timeline/projecting';
import type { QualityEvent, QualityMeasurement } from '../data-quality.events.js';

export const qualityDaysProjection: Projection<QualityMeasurement, QualityEvent, never> = {
  name: 'data-quality',
  version: 2,
  handles: ['DataQualityMeasured'],
  keys: ({ data: { day } }) => [{ key: day, owner: 'all' }],
  evolve: (before, { data }) => (before && before.measuredAt > data.measuredAt ? before : data),
};
