/** The facts about one import of customers (`import-{id}`). What it did to customers stands in their own streams. */
import type { Fact } from '@timeline/kernel';

export interface ImportCounts {
  rows: number;
  registered: number;
  updated: number;
  unchanged: number;
  failed: number;
}

export interface RevertCounts {
  /** Customers that it said something of, ever. */
  customers: number;
  /** Whose registration was withdrawn. */
  withdrawn: number;
  /** Who have something taken back and stay. */
  retracted: number;
  /** Of whom nothing was left to take back, or who were erased. */
  unchanged: number;
}

export type ImportEvent =
  /** `name`: as its caller named it, or the hash of the file. */
  | Fact<'CustomerImportStarted', { importId: string; source: string; name: string }>
  /** Again where a later run of the same import changed something. */
  | Fact<'CustomerImportCompleted', { importId: string; counts: ImportCounts }>
  /** What it said was taken back, customer by customer. Started again, it says it anew. */
  | Fact<'CustomerImportReverted', { importId: string; counts: RevertCounts }>;
