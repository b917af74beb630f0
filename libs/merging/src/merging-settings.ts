/** What the operator says about merging. */

export class MergingSettings {
  constructor(
    /** Sources whose values count before those of all others, the best first: for merges that do not say it themselves. */
    readonly sourceRank: readonly string[] = [],
  ) {}
}
