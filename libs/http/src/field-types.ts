/**
 * The types of a field: how one JSON value is checked and normalised, and the JSON Schema that says the same.
 * Both stand side by side here, so that what `/openapi.json` promises and what the server does cannot drift apart.
 * `fields.ts` makes decorators of them; `validation.ts` runs them.
 */
import {
  compareDecimals,
  INSTANT_PATTERN,
  isAsStored,
  isDecimal,
  isPlainDate,
  PLAIN_DATE_PATTERN,
  readInstant,
  toInstant,
  type Decimal,
  type JsonObject,
  type JsonValue,
} from '@timeline/kernel';
import { pointerTo, textFault } from './json-strict.js';

export type JsonSchema = JsonObject;

export interface Violation {
  /** JSON pointer (RFC 6901) into the body, or `/name` of the parameter. */
  pointer: string;
  code: string;
  message: string;
  /** Where the pointer points; the body where absent. */
  in?: 'query' | 'path' | 'header';
}

/** A class whose fields carry decorators of `fields.ts`. */
export type DtoClass<T extends object = object> = new () => T;

/** Collects what is wrong while a value is read. */
export interface Reading {
  readonly violations: Violation[];
  /** Reads a nested object by the rules of its class; undefined when something in it is wrong. */
  object<T extends object>(cls: DtoClass<T>, value: unknown, pointer: string): T | undefined;
}

/** Gives the `$ref` of what is written once, under `#/components/schemas`. */
export interface SchemaRefs {
  dto(cls: DtoClass): JsonSchema;
  /** Of anything a route may answer with. */
  of(answer: Answer): JsonSchema;
  named(name: string, schema: JsonSchema): JsonSchema;
}

/** A schema, a class, or something made of them, such as `pageSchema(Dto)`. */
export type Answer = JsonSchema | DtoClass | ((refs: SchemaRefs) => JsonSchema);

export interface FieldType {
  /** Answers the normalised value; adds to `reading.violations` when it is not of this type. Idempotent. */
  read(value: unknown, pointer: string, reading: Reading): unknown;
  schema(refs: SchemaRefs): JsonSchema;
  /** From the text of a query parameter to the JSON value that `read` takes; the text itself where absent. */
  fromText?(text: string): unknown;
}

/** Enough to mend a form by; a hostile body gets no endless answer. */
export const MAX_VIOLATIONS = 100;

/** Notes a violation; answers undefined, as the value that was not read. */
export function refuse(reading: Reading, pointer: string, code: string, message: string): undefined {
  if (reading.violations.length < MAX_VIOLATIONS) reading.violations.push({ pointer, code, message });
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

/** Checks a scalar by a function that answers what is wrong with it. */
function scalar<T extends JsonValue>(options: {
  code: string;
  wrong: (value: unknown) => string | undefined;
  normalise?: (value: T) => JsonValue;
  schema: (refs: SchemaRefs) => JsonSchema;
  fromText?: (text: string) => unknown;
}): FieldType {
  return {
    read(value, pointer, reading) {
      const wrong = options.wrong(value);
      if (wrong !== undefined) return refuse(reading, pointer, options.code, wrong);
      // `wrong` has just found the value to be of this type.
      return options.normalise ? options.normalise(value as T) : value;
    },
    schema: options.schema,
    ...(options.fromText && { fromText: options.fromText }),
  };
}

export interface TextOptions {
  /** Characters (code points), default 1; 0 also allows text of blanks. */
  min?: number;
  /** Characters (code points), default 1000. */
  max?: number;
  /** Must match; write it anchored, it is used as it stands. Shown in the API's schema, `u` flag implied. */
  pattern?: RegExp;
  /** What the pattern means, for the error: "must be …". */
  meaning?: string;
}

// Blanks, invisible format characters and the empty braille cell do not make a text non-empty.
const VISIBLE = '[^\\p{White_Space}\\p{Default_Ignorable_Code_Point}\\p{Cc}\\p{Cf}\\p{Cs}\\u2800]';
const ALLOWED = '(?:\\r\\n|[\\n\\t]|[^\\p{Cc}\\p{Cs}])*';
const ANY_TEXT = `^${ALLOWED}$`;
const VISIBLE_TEXT = `^(?=[\\s\\S]*${VISIBLE})${ALLOWED}$`;
/** Printable ASCII that begins with a visible character: nearly all text, known by one quick look. */
const PLAIN = /^[!-~][ -~\n\t]*$/;
const anyText = new RegExp(ANY_TEXT, 'u');
const visible = new RegExp(VISIBLE, 'u');

function wrongText(value: string, min: number): string | undefined {
  const fault = textFault(value);
  if (fault) return fault === 'TEXT_HOLDS_NUL' ? 'must not hold the NUL character' : 'must be well-formed Unicode';
  if (!anyText.test(value)) return 'must not hold control characters other than line breaks and tabs';
  return min > 0 && !visible.test(value) ? 'must hold at least one visible character' : undefined;
}

/** Text without control characters (line breaks and tabs excepted); `\r\n` is normalised to `\n`. */
export function text({ min = 1, max = 1000, pattern, meaning }: TextOptions = {}): FieldType {
  const matcher = pattern && new RegExp(pattern.source, 'u');
  return scalar<string>({
    code: 'NOT_TEXT',
    wrong: (value) => {
      if (typeof value !== 'string') return 'must be a string';
      // Counting code points costs an array; it is needed only when the cheaper count does not settle it.
      const length = value.length > max || value.length < 2 * min ? [...value].length : value.length;
      if (length < min) return min === 1 ? 'must not be empty' : `must have at least ${min} characters`;
      if (length > max) return `must have at most ${max} characters`;
      const fault = PLAIN.test(value) ? undefined : wrongText(value, min);
      if (fault !== undefined) return fault;
      if (matcher && !matcher.test(value)) return meaning ? `must be ${meaning}` : `must match ${matcher.source}`;
      return undefined;
    },
    normalise: (value) => value.replaceAll('\r\n', '\n'),
    schema: () => ({
      type: 'string',
      ...(min > 0 && { minLength: min }),
      maxLength: max,
      pattern: min > 0 ? VISIBLE_TEXT : ANY_TEXT,
      ...(matcher && { allOf: [{ pattern: matcher.source }] }),
      ...(meaning && { description: meaning }),
    }),
  });
}

/** An instant, ISO 8601 with `Z` or an offset; normalised to UTC milliseconds, so that text order is time order. */
export const instant = (): FieldType =>
  scalar<string>({
    code: 'NOT_AN_INSTANT',
    wrong: (value) =>
      typeof value === 'string' && !Number.isNaN(readInstant(value))
        ? undefined
        : `must be a real instant of the years 0001 to 9999, such as 2024-02-29T13:45:00Z or 2024-02-29T13:45:00.250+08:00${
            typeof value === 'string' && /\d \d{2}:\d{2}$/.test(value) ? ' (in a query, "+" is written %2B)' : ''
          }`,
    normalise: (value) => (isAsStored(value) ? value : toInstant(readInstant(value))),
    schema: () => ({ type: 'string', format: 'date-time', pattern: INSTANT_PATTERN }),
  });

/** A calendar day, `YYYY-MM-DD`, that exists. */
export const plainDate = (): FieldType =>
  scalar<string>({
    code: 'NOT_A_DATE',
    wrong: (value) =>
      typeof value === 'string' && isPlainDate(value) ? undefined : 'must be a real calendar day, such as 2024-02-29',
    schema: () => ({ type: 'string', format: 'date', pattern: PLAIN_DATE_PATTERN }),
  });

export interface DecimalOptions {
  min?: Decimal;
  max?: Decimal;
  /** Digits after the point, default 10. */
  maxPlaces?: number;
}

/** An exact decimal as a string. A JSON number is refused: it has been through floating point, and money must not. */
export function decimalAmount({ min, max, maxPlaces = 10 }: DecimalOptions = {}): FieldType {
  const isNegativeAllowed = min === undefined || compareDecimals(min, '0') < 0;
  const pattern = `^${isNegativeAllowed ? '-?' : ''}\\d{1,18}${maxPlaces > 0 ? `(?:\\.\\d{1,${maxPlaces}})?` : ''}$`;
  const shape = new RegExp(pattern);
  return scalar<string>({
    code: 'NOT_A_DECIMAL',
    wrong: (value) => {
      if (typeof value === 'number') return 'must be a string such as "12.50", since a JSON number is not exact';
      if (!isDecimal(value)) return 'must be a decimal in a string, such as "12.50"';
      if (min !== undefined && (compareDecimals(value, min) < 0 || (!isNegativeAllowed && value.startsWith('-')))) {
        return `must be at least ${min}`;
      }
      if (max !== undefined && compareDecimals(value, max) > 0) return `must be at most ${max}`;
      return shape.test(value) ? undefined : `must have at most ${maxPlaces} digits after the point`;
    },
    schema: () => ({
      type: 'string',
      format: 'decimal',
      pattern,
      ...(min !== undefined && { 'x-minimum': min }),
      ...(max !== undefined && { 'x-maximum': max }),
    }),
  });
}

export interface RangeOptions {
  min?: number;
  max?: number;
}

const rangeOf = ({ min, max }: RangeOptions): string =>
  min !== undefined && max !== undefined
    ? ` from ${min} to ${max}`
    : min !== undefined
      ? ` of at least ${min}`
      : max !== undefined
        ? ` of at most ${max}`
        : '';
const isWithin = (value: number, { min = -Infinity, max = Infinity }: RangeOptions): boolean =>
  value >= min && value <= max;

/** A whole number that a double holds exactly. */
export function whole(range: RangeOptions = {}): FieldType {
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = range;
  return scalar<number>({
    code: 'NOT_A_WHOLE_NUMBER',
    wrong: (value) =>
      Number.isSafeInteger(value) && isWithin(Number(value), range)
        ? undefined
        : `must be a whole number${rangeOf(range)}`,
    schema: () => ({ type: 'integer', minimum: min, maximum: max }),
    fromText: (given) => (/^-?\d{1,16}$/.test(given) ? Number(given) : given),
  });
}

/** Any finite number; for measures, never for money. */
export const numeric = (range: RangeOptions = {}): FieldType =>
  scalar<number>({
    code: 'NOT_A_NUMBER',
    wrong: (value) => (isNumber(value) && isWithin(value, range) ? undefined : `must be a number${rangeOf(range)}`),
    schema: () => ({
      type: 'number',
      ...(range.min !== undefined && { minimum: range.min }),
      ...(range.max !== undefined && { maximum: range.max }),
    }),
    fromText: (given) => (/^-?\d{1,16}(\.\d{1,16})?$/.test(given) ? Number(given) : given),
  });

/** `true` or `false`. */
export const flag = (): FieldType =>
  scalar<boolean>({
    code: 'NOT_A_BOOLEAN',
    wrong: (value) => (typeof value === 'boolean' ? undefined : 'must be true or false'),
    schema: () => ({ type: 'boolean' }),
    fromText: (given) => (given === 'true' ? true : given === 'false' ? false : given),
  });

/** One of these words. */
export function oneOf(values: readonly string[]): FieldType {
  const allowed = new Set<unknown>(values);
  return scalar<string>({
    code: 'NOT_ONE_OF',
    wrong: (value) => (allowed.has(value) ? undefined : `must be one of ${values.join(', ')}`),
    schema: () => ({ type: 'string', enum: [...values] }),
  });
}

const UUID = '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$';
const uuidShape = new RegExp(UUID);

/** The id of a thing: a UUID, normalised to lower case so that one thing has one name. */
export const id = (): FieldType =>
  scalar<string>({
    code: 'NOT_AN_ID',
    wrong: (value) => (typeof value === 'string' && uuidShape.test(value) ? undefined : 'must be a UUID'),
    normalise: (value) => value.toLowerCase(),
    schema: () => ({ type: 'string', format: 'uuid', pattern: UUID }),
  });

const currencies = Intl.supportedValuesOf('currency');
const isCurrency = new Set<unknown>(currencies);

/** ISO 4217, three capital letters. */
export const currency = (): FieldType =>
  scalar<string>({
    code: 'NOT_A_CURRENCY',
    wrong: (value) => (isCurrency.has(value) ? undefined : 'must be an ISO 4217 currency code, such as EUR or CNY'),
    schema: (refs) => refs.named('CurrencyCode', { type: 'string', description: 'ISO 4217', enum: currencies }),
  });

export interface ListOptions {
  /** Default 0. */
  min?: number;
  /** Default 100. */
  max?: number;
  /** No two equal items; for lists of scalars. */
  unique?: boolean;
}

const countFault = (count: number, { min = 0, max = 100 }: ListOptions): string | undefined =>
  count < min ? `must have at least ${min} items` : count > max ? `must have at most ${max} items` : undefined;

/** An array; each violation names its index. In a query: `?channel=phone,email`. */
export function list(item: FieldType, options: ListOptions = {}): FieldType {
  return {
    read(value, pointer, reading) {
      if (!Array.isArray(value)) return refuse(reading, pointer, 'NOT_AN_ARRAY', 'must be an array');
      const wrong = countFault(value.length, options);
      if (wrong) return refuse(reading, pointer, 'WRONG_NUMBER_OF_ITEMS', wrong);
      const items = value.map((each, index) => item.read(each, pointerTo(pointer, index), reading));
      if (options.unique) {
        const seen = new Set<unknown>();
        items.forEach((each, index) => {
          if (each === undefined) return;
          if (seen.has(each)) refuse(reading, pointerTo(pointer, index), 'NOT_UNIQUE', 'must not be in the list twice');
          seen.add(each);
        });
      }
      return items;
    },
    schema: (refs) => ({
      type: 'array',
      items: item.schema(refs),
      ...(options.min && { minItems: options.min }),
      maxItems: options.max ?? 100,
      ...(options.unique && { uniqueItems: true }),
    }),
    fromText: (given) => given.split(',').map((part) => (item.fromText ? item.fromText(part) : part)),
  };
}

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export interface MapOptions {
  /** What a key must match; write it anchored. Default: 1 to 64 letters, digits, `_`, `-`. */
  keys?: RegExp;
  /** Members, default 100. */
  max?: number;
}

/** An object used as a map: keys are data, values all of one type. */
export function map(item: FieldType, { keys = /^[A-Za-z0-9_-]{1,64}$/, max = 100 }: MapOptions = {}): FieldType {
  const matcher = new RegExp(keys.source, 'u');
  return {
    read(value, pointer, reading) {
      if (!isJsonObject(value)) return refuse(reading, pointer, 'NOT_AN_OBJECT', 'must be an object');
      const entries = Object.entries(value);
      if (entries.length > max) {
        return refuse(reading, pointer, 'WRONG_NUMBER_OF_ITEMS', `must have at most ${max} members`);
      }
      const read: [string, unknown][] = [];
      for (const [key, member] of entries) {
        const at = pointerTo(pointer, key);
        // A store or a merge that assigns this key would set a prototype instead.
        if (key === '__proto__' || !matcher.test(key))
          refuse(reading, at, 'KEY_NOT_ALLOWED', `a key must match ${matcher.source}`);
        else read.push([key, item.read(member, at, reading)]);
      }
      return Object.fromEntries(read);
    },
    schema: (refs) => ({
      type: 'object',
      additionalProperties: item.schema(refs),
      propertyNames: { pattern: matcher.source, not: { const: '__proto__' } },
      maxProperties: max,
    }),
  };
}

/** Another DTO; must be an object. */
export const nested = (cls: () => DtoClass): FieldType => ({
  read: (value, pointer, reading) => reading.object(cls(), value, pointer),
  schema: (refs) => refs.dto(cls()),
});

/** One of several DTOs, told apart by a member that holds one word, e.g. `kind`. Each declares that member itself. */
export function nestedByKind(discriminator: string, classes: () => Readonly<Record<string, DtoClass>>): FieldType {
  return {
    read(value, pointer, reading) {
      if (!isJsonObject(value)) return refuse(reading, pointer, 'NOT_AN_OBJECT', 'must be an object');
      const byKind = classes();
      const kind = Object.hasOwn(value, discriminator) ? value[discriminator] : undefined;
      const cls = typeof kind === 'string' && Object.hasOwn(byKind, kind) ? byKind[kind] : undefined;
      if (!cls) {
        const kinds = Object.keys(byKind).join(', ');
        return refuse(reading, pointerTo(pointer, discriminator), 'NOT_ONE_OF', `must be one of ${kinds}`);
      }
      return reading.object(cls, value, pointer);
    },
    schema: (refs) => ({
      type: 'object',
      oneOf: Object.entries(classes()).map(([kind, cls]) => ({
        allOf: [refs.dto(cls), { properties: { [discriminator]: { const: kind } }, required: [discriminator] }],
      })),
    }),
  };
}

/** A JSON object whose shape is checked by whoever reads it, such as a rule language with a validator of its own. */
export function jsonDocument({ maxBytes = 65_536 }: { maxBytes?: number } = {}): FieldType {
  const holdsPrototype = (value: unknown): boolean =>
    typeof value === 'object' &&
    value !== null &&
    (Object.hasOwn(value, '__proto__') || Object.values(value).some((member) => holdsPrototype(member)));
  return {
    read(value, pointer, reading) {
      if (!isJsonObject(value)) return refuse(reading, pointer, 'NOT_AN_OBJECT', 'must be an object');
      if (holdsPrototype(value))
        return refuse(reading, pointer, 'KEY_NOT_ALLOWED', 'must not hold a member named __proto__');
      if (Buffer.byteLength(JSON.stringify(value)) > maxBytes) {
        return refuse(reading, pointer, 'TOO_LARGE', `must be at most ${maxBytes} bytes of JSON`);
      }
      return value;
    },
    schema: () => ({ type: 'object', 'x-max-bytes': maxBytes, description: `at most ${maxBytes} bytes of JSON` }),
  };
}
