/** What one sayer said of a customer and has not taken back, with what became of it. Pure. */
import { namesIn, saidOf } from '../candidates.js';
import { isOf, type Sayer } from '../told.events.js';
import { provenanceOf, type Provenance } from '../projections/profile-document.js';
import type { ProfilePart } from '../projections/profile-part.js';

export interface SaidValue extends Omit<Provenance, 'position'> {
  /** A field, `traits.{name}`, `consents.{purpose and channel}` or a kind of identity. */
  field: string;
  value: unknown;
  /** The system of an external identity. */
  system?: string;
  /** It is what the profile shows; otherwise another holds against it. */
  holds: boolean;
}

/** Whether a name is the field that is asked for, or in it: `traits.size` is in `traits`. */
export const isIn = (name: string, field: string | undefined): boolean =>
  field === undefined || name === field || name.startsWith(`${field}.`);

export function saidValues(part: ProfilePart, sayer: Sayer, field?: string): SaidValue[] {
  const fields = namesIn(part)
    .filter((name) => isIn(name, field))
    .flatMap((name) =>
      saidOf(part, name).flatMap((candidate, index) =>
        isOf(candidate, sayer)
          ? [{ field: name, value: candidate.value, holds: index === 0, ...provenanceOf(candidate) }]
          : [],
      ),
    );
  const identities = part.identities
    .filter(({ kind }) => isIn(kind, field) || field === 'identities')
    .flatMap(({ kind, value, system, said }) =>
      said && isOf(said, sayer)
        ? [{ field: kind, value, ...(system !== undefined && { system }), holds: true, ...provenanceOf(said) }]
        : [],
    );
  return [...fields, ...identities];
}
