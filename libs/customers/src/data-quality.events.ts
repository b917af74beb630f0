/** The facts about the quality of all records together, measured on a day (`data-quality-{day}`). No personal data. */
import type { Fact, Instant } from '@timeline/kernel';
import type { ContactField, QualityPart } from './quality/quality.js';

/** Sums over records; a part counts only the records that have it. */
export interface QualityTally {
  records: number;
  score: number;
  parts: Record<QualityPart, { sum: number; records: number }>;
}

export interface QualityMeasurement {
  /** `YYYY-MM-DD` in the reporting time zone. */
  day: string;
  measuredAt: Instant;
  /** Of the formula. */
  version: number;
  all: QualityTally;
  /**
   * By who said what holds; a record counts for each that said something of it. The largest; the rest as `(others)`. A list:
   * sources are named by anybody, and keys of a stored map may not be.
   */
  sources: { source: string; tally: QualityTally }[];
  /** Values of contact fields, and how many of them are fresh. */
  contact: Record<ContactField, { values: number; fresh: number }>;
}

export type QualityEvent = Fact<'DataQualityMeasured', QualityMeasurement>;
