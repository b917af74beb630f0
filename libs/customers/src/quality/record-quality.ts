/** Reads what the quality of a record is made of, of one customer or of all. */
import { Injectable } from '@nestjs/common';
import type { Instant } from '@timeline/kernel';
import { contentOf, ReadModels } from '@timeline/projecting';
import { StandardsInForce } from '@timeline/standards';
import { freshnessPoliciesProjection, type PolicyDocument } from '../freshness/freshness-policies.projection.js';
import { freshnessProjection } from '../freshness/freshness.projection.js';
import type { Kin } from '../freshness/policy.js';
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

  /** Tells the quality of each of the profiles. However many they are, the stores are asked three times at most. */
  async of(
    profiles: readonly Profile[],
    at: Instant,
    { check, policies }: Yardstick,
    position?: string,
  ): Promise<(profile: Profile) => RecordQuality> {
    const suspectsOf = await this.#suspicions(profiles, at, position);
    const segmentsOf = await this.#segments(profiles, policies, position);
    return (profile) => {
      const values = knownValues(profile, at, check, policies, segmentsOf(profile));
      const suspects = suspectsOf(profile);
      return {
        ...qualityOf(profile.kind, values, suspects.length),
        values,
        suspects,
        bySource: qualityBySource(profile.kind, values, suspects.length),
      };
    };
  }

  async #segments(
    profiles: readonly Profile[],
    policies: readonly PolicyDocument[],
    position?: string,
  ): Promise<(profile: Profile) => Kin['segments']> {
    if (!policies.some(({ segments }) => segments)) return () => undefined;
    const survivors = profiles.map(({ survivor }) => survivor);
    const found = await this.models.read(freshnessProjection, position, ({ derived }) =>
      derived.find({ _id: { $in: survivors } }),
    );
    const segments = new Map(found.map((freshness) => [freshness._id, freshness.segments]));
    return ({ survivor }) => segments.get(survivor);
  }

  /** Who is in the same group by now, or gone, is no other. */
  async #suspicions(
    profiles: readonly Profile[],
    at: Instant,
    position?: string,
  ): Promise<(profile: Profile) => string[]> {
    const all = profiles.flatMap(({ members }) => members);
    const suspicions = await this.models.read(suspicionsProjection, position, ({ documents }) =>
      documents.find({ _id: { $in: all } }),
    );
    const othersOf = new Map(
      suspicions.map(({ _id, others }) => [
        _id,
        Object.entries(others).flatMap(([other, { from, to }]) =>
          from <= at && (to === undefined || at < to) ? [other] : [],
        ),
      ]),
    );
    const suspected = [...new Set([...othersOf.values()].flat())];
    if (suspected.length === 0) return () => [];
    const found = await this.models.read(profileProjection, position, ({ derived }) =>
      derived.find({ _id: { $in: suspected } }),
    );
    const survivors = new Map(found.map(({ _id, survivor }) => [_id, survivor]));
    return ({ members, survivor }) => {
      const others = members.flatMap((member) => othersOf.get(member) ?? []);
      return [...new Set(others.flatMap((other) => survivors.get(other) ?? []))]
        .filter((other) => other !== survivor)
        .sort();
    };
  }
}
