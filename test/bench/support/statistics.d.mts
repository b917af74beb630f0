export interface Ratio {
  ratio: number;
  least: number;
  most: number;
  best: number;
}
export interface Row {
  id: string;
  path: string;
  better: 'more' | 'less';
  checked: boolean;
  ratio?: Ratio;
  error?: string;
  cpu?: { best: number };
}
export type Verdict = { id: string; path: string } & (
  | { kind: 'kept' | 'lost'; was: number; is: number; kept: number; keptOfCpu: number }
  | { kind: 'missing'; was: number }
  | { kind: 'new'; is: number }
);
export const LOSS: number;
export const LOSS_OF_CLOCK: number;
export function median(values: readonly number[]): number;
export function percentile(values: readonly number[], share: number): number;
export function rounded(value: number): number;
export function summary(values: readonly number[]): { median: number; least: number; most: number; rounds: number[] };
export function ratioOf(ours: readonly number[], raw: readonly number[], better?: 'more' | 'less'): Ratio;
export function isMet(of: {
  aim?: { atLeast?: number; atMost?: number } | undefined;
  value: number;
}): boolean | undefined;
export function verdictsOf(committed: readonly Row[], measured: readonly Row[], paths: readonly string[]): Verdict[];
export function hasFailed(verdicts: readonly Verdict[]): boolean;
export function betterOf(rows: readonly Row[], again: readonly Row[]): Row[];
export function renewed(committed: readonly Row[], measured: readonly Row[], paths: readonly string[]): Row[];
