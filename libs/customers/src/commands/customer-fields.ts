/** What the bodies of several commands are made of. */
import { Field, fieldTypes, Flag, ListOf, OneOf, Optional, Text, type FieldType } from '@timeline/http';
import {
  IDENTITY_KINDS,
  type IdentityKind,
  type PersonName,
  type PostalAddress,
  type Traits,
} from '../customers.events.js';
import type { GivenIdentity } from '../identities/normalise.js';

export class IdentityDto implements GivenIdentity {
  @OneOf(IDENTITY_KINDS)
  kind: IdentityKind;

  /** E-mail address, phone number (with its country code, or one of the default region), or id. */
  @Text({ max: 320 })
  value: string;

  /** The system that gave it; for `external`, and only there. */
  @Optional()
  @Text({ max: 60 })
  system?: string;
}

export class NewIdentityDto extends IdentityDto {
  /** The first of its kind is the primary one unless another says so. */
  @Optional()
  @Flag()
  primary?: boolean;
}

export class PersonNameDto implements PersonName {
  /** As given, in any script. */
  @Text({ max: 200 })
  full: string;

  @Optional()
  @Text({ max: 100 })
  given?: string;

  @Optional()
  @Text({ max: 100 })
  family?: string;
}

export class PostalAddressDto implements PostalAddress {
  @Optional()
  @ListOf(fieldTypes.text({ max: 200 }), { max: 6 })
  lines?: string[];

  @Optional()
  @Text({ max: 100 })
  city?: string;

  @Optional()
  @Text({ max: 100 })
  state?: string;

  @Optional()
  @Text({ max: 20 })
  postalCode?: string;

  @Optional()
  @Text({ max: 2, pattern: /^[A-Z]{2}$/, meaning: 'an ISO 3166-1 country code, such as CN' })
  country?: string;
}

export const Language = (): PropertyDecorator =>
  Text({
    max: 35,
    pattern: /^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}$/,
    meaning: 'a language tag, such as en or zh-Hans-CN',
  });

const text = fieldTypes.text({ max: 200 });
const traitValue: FieldType = {
  read(value, pointer, reading) {
    if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return value;
    if (typeof value === 'string') return text.read(value, pointer, reading);
    return fieldTypes.refuse(reading, pointer, 'NOT_A_TRAIT', 'must be text, a number, true or false');
  },
  schema: (refs) => ({ anyOf: [text.schema(refs), { type: 'number' }, { type: 'boolean' }] }),
};
const clearableTraitValue: FieldType = {
  read: (value, pointer, reading) => (value === null ? null : traitValue.read(value, pointer, reading)),
  schema: (refs) => ({ anyOf: [traitValue.schema(refs), { type: 'null' }] }),
};

/** A name of a trait: also a path in the read store. */
export const TRAIT_NAME = /^[A-Za-z][A-Za-z0-9_-]{0,39}$/;
const TRAITS = { keys: TRAIT_NAME, max: 50 };

/** Coarse facts that are not personal: what segments and breakdowns may look at. */
export const TraitMap = (): PropertyDecorator => Field(fieldTypes.map(traitValue, TRAITS));
/** `null` removes a trait. */
export const ClearableTraitMap = (): PropertyDecorator => Field(fieldTypes.map(clearableTraitValue, TRAITS));

/** Without the class it was read as: facts are plain JSON. */
export const plainName = ({ full, given, family }: PersonName): PersonName => ({
  full,
  ...(given !== undefined && { given }),
  ...(family !== undefined && { family }),
});

export const plainAddress = (address: PostalAddress): PostalAddress => ({ ...address });
export const plainTraits = (traits: Traits): Traits => ({ ...traits });
