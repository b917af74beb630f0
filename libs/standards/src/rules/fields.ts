/**
 * The fields that a standard can be published for, as provenance and imports name them. Identities of each kind are a
 * field, external ones one for each system.
 *
 * A resident id and a unified social credit code are **identities of the kind `external`**, of the systems
 * `cn-resident-id` and `cn-credit-code`: a customer is found by them, they belong to one customer at a time, and they are
 * sealed with the customer's key. A trait would be none of that: traits are stored in the clear.
 */
export type FieldMatter = 'text' | 'date' | 'identity' | 'any';

const FIELDS: Readonly<Record<string, FieldMatter>> = {
  'name.full': 'text',
  'name.given': 'text',
  'name.family': 'text',
  birthDate: 'date',
  /** All lines, one under the other. */
  'address.lines': 'text',
  'address.city': 'text',
  'address.state': 'text',
  'address.postalCode': 'text',
  'address.country': 'text',
  note: 'text',
  language: 'text',
  region: 'text',
  email: 'identity',
  phone: 'identity',
  wechat: 'identity',
  weibo: 'identity',
  member: 'identity',
  device: 'identity',
};

export const externalField = (system: string): string => `external.${system}`;
const TRAIT = 'traits\\.[A-Za-z][A-Za-z0-9_-]{0,39}';
const EXTERNAL = 'external\\.[a-z0-9][a-z0-9_-]{0,59}';
const trait = new RegExp(`^${TRAIT}$`);
const external = new RegExp(`^${EXTERNAL}$`);
export const FIELD_PATTERN = `^(?:${[...Object.keys(FIELDS).map((name) => name.replace('.', '\\.')), TRAIT, EXTERNAL].join('|')})$`;

/** For messages. */
export const FIELD_NAMES = [...Object.keys(FIELDS), 'traits.NAME', 'external.SYSTEM'].join(', ');

/** What the field holds; undefined where there is no such field. */
export function matterOf(field: string): FieldMatter | undefined {
  if (Object.hasOwn(FIELDS, field)) return FIELDS[field];
  if (trait.test(field)) return 'any';
  return external.test(field) ? 'identity' : undefined;
}

/** What a rule may look at beside the fields that have standards. */
export const isLookedAt = (field: string): boolean =>
  matterOf(field) !== undefined || field === 'kind' || field === 'stage';
