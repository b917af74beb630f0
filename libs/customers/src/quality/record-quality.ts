/** Reads what the quality of a record is made of, of one customer or of all. */
import { Injectable } from '@nestjs/common';
import type { Instant } from '@timeline/kernel';
import { contentOf, ReadModels } from '@timeline/projecting';
import { StandardsInForce } from '@timeline/standards';
import { freshnessPoliciesProjection, type PolicyDocument } from '../freshness/freshness-policies.projection.js';
import type { Profile } from '../projections/profile-document.js';
import { profileProjection } from '../projections/profile.projection.js';
import { knownValues, qualityBySource, qualityOf, type Check, type KnownValue, type Quality } from './quality.js';
import { standardCheck } from './standard-check.js';
import { suspicionsProjection } from './suspicions.projection.js';

export interface RecordQuality extends Quality {
  values: KnownValue[];
  /** Other customers suspected of being this one. */
  suspects: string[];
  bySource: Map<string, Quality>;
}

/** What is the same for all records of a look. */
export interface Yardstick {
  check: Check;
  policies: PolicyDocument[];
}

@Injectable()
export class RecordQualities {
  constructor(
    private readonly models: ReadModels,
    private readonly standards: StandardsInForce,
  ) {}

  async yardstick(position: string | undefined): Promise<Yardstick> {
    const policies = await this.models.read(freshnessPoliciesProjection, position, async ({ documents }) =>
      (await documents.find({})).map(contentOf),
    );
    return { check: standardCheck(await this.standards.current()), policies };
  }

  async of(profile: Profile, at: Instant, { check, policies }: Yardstick, position?: string): Promise<RecordQuality> {
    const values = knownValues(profile, at, check, policies);
    const suspects = await this.#suspects(profile, at, position);
    return {
      ...qualityOf(profile.kind, values, suspects.length),
      values,
      suspects,
      bySource: qualityBySource(profile.kind, values, suspects.length),
    };
  }

  /** Who is in the same group by now, or gone, is no other. */
  async #suspects({ members, survivor }: Profile, at: Instant, position?: string): Promise<string[]> {
    const others = await this.models.read(suspicionsProjection, position, async ({ documents }) =>
      (await documents.find({ _id: { $in: members } })).flatMap(({ others: each }) =>
        Object.entries(each).flatMap(([other, { from, to }]) =>
          from <= at && (to === undefined || at < to) ? [other] : [],
        ),
      ),
    );
    if (others.length === 0) return [];
    const survivors = await this.models.read(profileProjection, position, async ({ derived }) =>
      (await derived.find({ _id: { $in: others } })).map((other) => other.survivor),
    );
    return [...new Set(survivors)].filter((other) => other !== survivor).sort();
  }
}
