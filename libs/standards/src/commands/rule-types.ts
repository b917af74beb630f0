/** Rules, fields and values as they come in: their shape, and the JSON Schema that says the same. */
import { fieldTypes, type FieldType } from '@timeline/http';
import type { JsonObject } from '@timeline/kernel';
import { DURATION } from '../rules/days.js';
import { FIELD_NAMES, FIELD_PATTERN } from '../rules/fields.js';
import { MAX_PATTERN_LENGTH } from '../rules/patterns.js';
import { CASES, CHARACTERS, COMPARISONS, DAYS, type RuleKind, type RuleParameters } from '../rules/rule.js';

const { flag, instant, list, numeric, oneOf, plainDate, refuse, text, whole } = fieldTypes;

export const fieldName = text({ max: 110, pattern: new RegExp(FIELD_PATTERN), meaning: `one of ${FIELD_NAMES}` });

const shortText = text({ max: 2000 });
/** What a trait can be, and everything else that has a standard. */
export const scalar: FieldType = {
  read(value, pointer, reading) {
    if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return value;
    if (typeof value === 'string') return shortText.read(value, pointer, reading);
    return refuse(reading, pointer, 'NOT_A_VALUE', 'must be text, a number, true or false');
  },
  schema: (refs) =>
    refs.named('StandardValue', { anyOf: [shortText.schema(refs), { type: 'number' }, { type: 'boolean' }] }),
};

/** An object of these members; those whose name ends in `?` may be left out. */
function object(
  members: Readonly<Record<string, FieldType>>,
  constants: Readonly<Record<string, string>> = {},
): FieldType {
  const named = Object.entries(members).map(([name, type]) => ({
    name: name.replace('?', ''),
    type,
    isRequired: !name.endsWith('?'),
  }));
  const known = [...Object.keys(constants), ...named.map(({ name }) => name)];
  return {
    read(value, pointer, reading) {
      if (!fieldTypes.isJsonObject(value)) return refuse(reading, pointer, 'NOT_AN_OBJECT', 'must be an object');
      for (const key of Object.keys(value)) {
        if (known.includes(key)) continue;
        const at = `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
        refuse(reading, at, 'UNKNOWN_FIELD', `is not a field here; known are ${known.join(', ')}`);
      }
      const read: [string, unknown][] = Object.entries(constants);
      for (const { name, type, isRequired } of named) {
        const given = Object.hasOwn(value, name) ? value[name] : undefined;
        if (given !== undefined) read.push([name, type.read(given, `${pointer}/${name}`, reading)]);
        else if (isRequired) refuse(reading, `${pointer}/${name}`, 'REQUIRED', 'is required');
      }
      return Object.fromEntries(read);
    },
    schema: (refs) => ({
      type: 'object',
      properties: {
        ...Object.fromEntries(
          Object.entries(constants).map(([name, word]): [string, JsonObject] => [name, { const: word }]),
        ),
        ...Object.fromEntries(named.map(({ name, type }) => [name, type.schema(refs)])),
      },
      required: [...Object.keys(constants), ...named.filter(({ isRequired }) => isRequired).map(({ name }) => name)],
      additionalProperties: false,
    }),
  };
}

/** Written once in the API's description. */
const named = (name: string, type: FieldType): FieldType => ({
  ...type,
  schema: (refs) => refs.named(name, type.schema(refs)),
});

const domains = named('Domains', list(text({ max: 253 }), { min: 1, max: 20, unique: true }));
const country = text({ max: 2, pattern: /^[A-Z]{2}$/, meaning: 'an ISO 3166-1 country code, such as CN' });
const duration = named(
  'Duration',
  text({
    max: 60,
    pattern: new RegExp(DURATION),
    meaning: 'an ISO 8601 duration, such as P18Y or P30D',
  }),
);
const distance = { 'atLeast?': duration, 'atMost?': duration };
const length = whole({ min: 1, max: 10_000 });
/** Where rules look at other fields, at `kind` and `stage` too; whether there is such a field is asked later. */
const lookedAt = named('FieldName', text({ max: 110 }));

type Members<Kind extends RuleKind> = {
  [
    Name in keyof RuleParameters[Kind] & string as undefined extends RuleParameters[Kind][Name] ? `${Name}?` : Name
  ]-?: FieldType;
};

const PARAMETERS: { [Kind in RuleKind]: Members<Kind> } = {
  format: { case: oneOf(CASES) },
  'min-length': { min: length },
  'max-length': { max: length },
  alphanumeric: { allowed: oneOf(CHARACTERS) },
  'special-characters': {},
  whitespace: { 'where?': oneOf(['anywhere', 'ends']) },
  regex: { pattern: text({ max: MAX_PATTERN_LENGTH }), 'message?': text({ max: 200 }) },
  domain: {},
  email: {},
  'email-allowed-domains': { domains },
  'email-blocked-domains': { domains },
  url: {},
  'url-allowed-domains': { domains },
  'url-blocked-domains': { domains },
  'phone-country-code': { 'countries?': list(country, { min: 1, max: 20, unique: true }) },
  'min-number': { min: numeric() },
  'max-number': { max: numeric() },
  decimal: { places: whole({ min: 0, max: 20 }) },
  'start-date': { date: plainDate() },
  'end-date': { date: plainDate() },
  'before-duration': distance,
  'after-duration': distance,
  'start-datetime': { at: instant() },
  'end-datetime': { at: instant() },
  'before-datetime-duration': distance,
  'after-datetime-duration': distance,
  'days-of-week': { days: list(oneOf(DAYS), { min: 1, max: 7, unique: true }) },
  required: {},
  unique: {},
  'one-of': { values: list(scalar, { min: 1, max: 200, unique: true }) },
  compare: { is: oneOf(COMPARISONS), field: lookedAt },
  'cn-mobile': {},
  'cn-credit-code': {},
  'cn-resident-id': { 'birthDate?': flag() },
  'cn-postal-code': {},
};

const when = named('StandardCondition', object({ field: lookedAt, 'in?': list(scalar, { min: 1, max: 50 }) }));
const BY_KIND = new Map<string, FieldType>(
  Object.entries(PARAMETERS).map(([kind, members]) => [kind, object({ ...members, 'when?': when }, { kind })]),
);
const kinds = [...BY_KIND.keys()];

export const rule: FieldType = {
  read(value, pointer, reading) {
    if (!fieldTypes.isJsonObject(value)) return refuse(reading, pointer, 'NOT_AN_OBJECT', 'must be an object');
    const kind = Object.hasOwn(value, 'kind') ? value['kind'] : undefined;
    const type = typeof kind === 'string' ? BY_KIND.get(kind) : undefined;
    if (!type) return refuse(reading, `${pointer}/kind`, 'NOT_ONE_OF', `must be one of ${kinds.join(', ')}`);
    return type.read(value, pointer, reading);
  },
  schema: (refs) =>
    refs.named('StandardRule', { type: 'object', oneOf: [...BY_KIND.values()].map((type) => type.schema(refs)) }),
};
