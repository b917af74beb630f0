/** The facts about one import of customers (`import-{id}`). What it did to customers stands in their own streams. */
import type { Fact } from '@timeline/kernel';

export interface ImportCounts {
  rows: number;
  registered: number;
  updated: number;
  unchanged: number;
  failed: number;
}

export type ImportEvent =
  /** `name`: as its caller named it, or the hash of the file. */
  | Fact<'CustomerImportStarted', { importId: string; source: string; name: string }>
  /** Again where a later run of the same import changed something. */
  | Fact<'CustomerImportCompleted', { importId: string; counts: ImportCounts }>;
