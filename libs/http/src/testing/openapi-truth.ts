/**
 * Is `/openapi.json` true? Two questions that a test can ask: does each documented body take and refuse exactly what
 * the server's own validation does, and is an answer one that the document announced, of the shape it announced.
 */
import type { INestApplication } from '@nestjs/common';
import { compareDecimals, isDecimal, type JsonObject } from '@timeline/kernel';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { isJsonObject, type DtoClass } from '../field-types.js';
import { MalformedJsonError, parseJsonStrict } from '../json-strict.js';
import { documentedBodies } from '../openapi.js';
import { validateDto, ValidationError } from '../validation.js';

/** A JSON Schema validator that knows the document's own words (`x-minimum` …). */
export function documentAjv(): Ajv2020 {
  const ajv = new Ajv2020({ strict: false, allErrors: false });
  formats.default(ajv);
  ajv.addFormat('decimal', isDecimal);
  const decimalKeyword = (keyword: string, holds: (comparison: number) => boolean): void => {
    ajv.addKeyword({
      keyword,
      type: 'string',
      validate: (limit: string, value: string) => isDecimal(value) && holds(compareDecimals(value, limit)),
    });
  };
  decimalKeyword('x-minimum', (comparison) => comparison >= 0);
  decimalKeyword('x-maximum', (comparison) => comparison <= 0);
  ajv.addKeyword({
    keyword: 'x-max-bytes',
    type: 'object',
    validate: (limit: number, value: object) => Buffer.byteLength(JSON.stringify(value)) <= limit,
  });
  return ajv;
}

/** Values that each type of field takes, and such that come near. */
const POOL: readonly unknown[] = [
  ...[
    null,
    true,
    false,
    0,
    1,
    -1,
    2.5,
    50,
    1e15,
    1e300,
    '',
    ' ',
    'a',
    'ab',
    'true',
    '1',
    '\u200b',
    'a\u0000b',
    'a\u0007',
  ],
  ...[
    'a\nb',
    'a\r\nb',
    'a\rb',
    '张伟',
    '😀',
    'x'.repeat(30),
    'x'.repeat(300),
    'x'.repeat(3000),
    'a'.repeat(30_000),
    '\ud800',
  ],
  ...[
    '2024-02-29',
    '2023-02-29',
    '2024-13-01',
    '2024-02-29T12:00:00Z',
    '2024-02-29T12:00:00.5+08:00',
    '2024-02-29T12:00:00',
  ],
  ...[
    '2023-02-29T12:00:00Z',
    '2024-02-29T23:59:60Z',
    '0001-01-01T00:00:00+01:00',
    '9999-12-31T23:59:59-01:00',
    '0000-01-01',
  ],
  ...['12.50', '-12.50', '0', '-0', '0.00001', '1e5', '.5', '123456789012345678901', 'EUR', 'eur', 'XXXX', 'CNY'],
  ...[
    '6f9619ff-8b86-4d01-b42d-00cf4fc964ff',
    '6F9619FF-8B86-4D01-B42D-00CF4FC964FF',
    '00000000-0000-0000-0000-000000000000',
  ],
  ...['urn:uuid:6f9619ff-8b86-4d01-b42d-00cf4fc964ff', 'ann@example.org', '+33612345678', 'https://example.org/a'],
  ...[
    [],
    {},
    [1],
    ['a'],
    ['a', 'a'],
    [[]],
    [{}],
    { a: 'b' },
    { a: 1 },
    { 'a b': 'c' },
    Array.from({ length: 101 }, (_, index) => `${index}`),
  ],
];

const UNKNOWN_MEMBERS = ['extra', 'toString', '__proto__', 'constructor'];

/** With a member more; also one that an assignment would not make. */
const withMember = (object: JsonObject, key: string, value: unknown): unknown => {
  const copy: JsonObject = { ...object };
  Object.defineProperty(copy, key, { value, enumerable: true, configurable: true, writable: true });
  return copy;
};

class Samples {
  constructor(
    readonly root: JsonObject,
    readonly isValid: (schema: JsonObject, value: unknown) => boolean,
  ) {}

  #resolve(schema: JsonObject): JsonObject {
    const ref = schema['$ref'];
    if (typeof ref !== 'string') return schema;
    const at = ref
      .slice(2)
      .split('/')
      .reduce<unknown>((value, key) => (isJsonObject(value) ? value[key] : undefined), this.root);
    return isJsonObject(at) ? at : {};
  }

  /** Something the schema takes, or undefined when nothing was found. */
  good(given: JsonObject, depth = 0): unknown {
    if (depth > 6) return undefined;
    for (const candidate of this.#candidates(given, depth)) if (this.isValid(given, candidate)) return candidate;
    return undefined;
  }

  *#candidates(given: JsonObject, depth: number): Iterable<unknown> {
    const schema = this.#resolve(given);
    for (const word of listOf(schema['enum'])) yield word;
    if (schema['const'] !== undefined) yield schema['const'];
    for (const branch of [...listOf(schema['oneOf']), ...listOf(schema['anyOf'])]) {
      if (!isJsonObject(branch)) continue;
      yield this.good(branch, depth + 1);
    }
    const all = listOf(schema['allOf']).filter(isJsonObject);
    const [first, second] = all;
    if (first && second && isJsonObject(second['properties'])) {
      // A kind: the class, with the member that tells it apart.
      const object = this.good(first, depth + 1);
      const kinds = Object.entries(second['properties']).map(([key, value]) => [
        key,
        isJsonObject(value) ? value['const'] : undefined,
      ]);
      if (isJsonObject(object)) yield { ...object, ...(Object.fromEntries(kinds) as JsonObject) };
    }
    if (isJsonObject(schema['properties'])) {
      const members = Object.entries(schema['properties']).map(
        ([name, member]) => [name, isJsonObject(member) ? this.good(member, depth + 1) : undefined] as const,
      );
      const found = members.filter(([, value]) => value !== undefined);
      yield Object.fromEntries(found);
      const required = found.filter(([name]) => listOf(schema['required']).includes(name));
      yield Object.fromEntries(required);
      // Where one of several members must be there, and only one.
      for (const member of found) yield Object.fromEntries([...required, member]);
    }
    if (isJsonObject(schema['items'])) {
      const item = this.good(schema['items'], depth + 1);
      for (let count = Math.max(1, Number(schema['minItems'] ?? 0)); count >= 0 && item !== undefined; count = -1)
        yield Array.from({ length: count }, () => item);
    }
    yield* POOL;
  }

  /** The good value (`known`, or one that is found) and all that differ from it in one place. */
  *around(given: JsonObject, depth = 0, known?: unknown): Iterable<unknown> {
    const base = known ?? this.good(given);
    yield base;
    yield* POOL;
    const schema = this.#resolve(given);
    for (const word of listOf(schema['enum'])) yield word;
    if (depth > 3) return;
    for (const branch of [...listOf(schema['oneOf']), ...listOf(schema['anyOf']), ...listOf(schema['allOf'])]) {
      if (isJsonObject(branch)) yield* this.around(branch, depth + 1);
    }
    if (isJsonObject(schema['properties']) && isJsonObject(base)) {
      for (const [name, member] of Object.entries(schema['properties'])) {
        if (!isJsonObject(member)) continue;
        const { [name]: _, ...without } = base;
        yield without;
        for (const value of this.around(member, depth + 1, base[name])) yield withMember(base, name, value);
      }
      for (const name of UNKNOWN_MEMBERS) yield withMember(base, name, 'x');
    }
    if (isJsonObject(schema['items'])) {
      const good = listOf(base);
      for (const item of this.around(schema['items'], depth + 1, good[0])) {
        yield [item];
        yield [...good.slice(1), item];
      }
      for (const count of [0, 1, 2, 3, 5, 10, 101]) yield Array.from({ length: count }, () => good[0]);
    }
  }
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** What field types and the reading of objects refuse with; all of that a schema says. */
const SAID_CODES = new Set(
  [
    [
      'NOT_TEXT',
      'NOT_AN_INSTANT',
      'NOT_A_DATE',
      'NOT_A_DECIMAL',
      'NOT_A_WHOLE_NUMBER',
      'NOT_A_NUMBER',
      'NOT_A_BOOLEAN',
    ],
    [
      'NOT_ONE_OF',
      'NOT_AN_ID',
      'NOT_A_CURRENCY',
      'NOT_AN_ARRAY',
      'NOT_AN_OBJECT',
      'WRONG_NUMBER_OF_ITEMS',
      'NOT_UNIQUE',
    ],
    ['KEY_NOT_ALLOWED', 'TOO_LARGE', 'UNKNOWN_FIELD', 'REQUIRED', 'NULL'],
  ].flat(),
);

export interface Disagreement {
  dto: string;
  value: unknown;
  document: 'takes' | 'refuses';
  server: string;
}

export interface Comparison {
  compared: number;
  /** How many were taken by both: 0 would mean that nothing was tested. */
  taken: number;
  disagreements: Disagreement[];
}

/**
 * Compares the schema of a class in the document with the validation by the class.
 * @param known a good value; needed where the class has rules that its schema cannot say, so that none can be found
 */
export function compareSchema(cls: DtoClass, document: JsonObject, pointer: string, known?: unknown): Comparison {
  const ajv = documentAjv();
  ajv.addSchema(document, 'document');
  const compiled = new Map<JsonObject, ValidateFunction>();
  const root: JsonObject = { $ref: `document#${pointer}` };
  const isValid = (schema: JsonObject, value: unknown): boolean => {
    if (value === undefined) return false;
    let validate = compiled.get(schema);
    if (!validate) {
      // Part of the document: its `$ref`s are relative to it.
      validate = ajv.compile(
        JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#', '"$ref":"document#')) as JsonObject,
      );
      compiled.set(schema, validate);
    }
    return validate(value);
  };
  const result: Comparison = { compared: 0, taken: 0, disagreements: [] };
  // Any rule that the document only names may make the server refuse more; nothing else may.
  const namesRules = JSON.stringify(document).includes('"x-rules"');
  for (const value of new Samples(document, isValid).around({ $ref: `#${pointer}` }, 0, known)) {
    if (value === undefined) continue;
    const isTakenByDocument = isValid(root, value);
    const refusals = refusalsOf(cls, value);
    const isTakenByServer = refusals.length === 0;
    const isExcused = namesRules && isTakenByDocument && refusals.every(({ code }) => !SAID_CODES.has(code));
    result.compared += 1;
    if (isTakenByDocument && isTakenByServer) result.taken += 1;
    else if (isTakenByDocument !== isTakenByServer && !isExcused) {
      result.disagreements.push({
        dto: cls.name,
        value,
        document: isTakenByDocument ? 'takes' : 'refuses',
        server: isTakenByServer ? 'takes' : refusals.map(({ pointer, code }) => `${pointer} ${code}`).join(', '),
      });
    }
  }
  return result;
}

/** How the server refuses a body, if it does: text that cannot be read never reaches the class. */
function refusalsOf(cls: DtoClass, value: unknown): readonly { pointer: string; code: string }[] {
  try {
    validateDto(cls, parseJsonStrict(JSON.stringify(value)));
    return [];
  } catch (error) {
    if (error instanceof ValidationError) return error.violations;
    if (error instanceof MalformedJsonError) return [{ pointer: error.place.pointer, code: 'NOT_TEXT' }];
    throw error;
  }
}

/** Every documented body of the application against its class. `known`: good bodies by the name of their class. */
export function compareBodies(
  app: INestApplication,
  document: JsonObject,
  known: Readonly<Record<string, unknown>> = {},
): Comparison[] {
  return documentedBodies(app).map((cls) =>
    compareSchema(cls, document, `/components/schemas/${cls.name}`, known[cls.name]),
  );
}

/** What is wrong with an answer by the document; empty when it is as announced. `route` as in the document: `/v1/customers/{id}`. */
export function undocumented(
  document: JsonObject,
  answer: { method: string; route: string; status: number; contentType: string | null; body: unknown },
): string[] {
  const member = (value: unknown, key: string): unknown => (isJsonObject(value) ? value[key] : undefined);
  const operation = member(member(document['paths'], answer.route), answer.method.toLowerCase());
  if (operation === undefined) return [`${answer.method} ${answer.route} is not documented`];
  const response = member(member(operation, 'responses'), String(answer.status));
  if (response === undefined)
    return [`${answer.method} ${answer.route} answered ${answer.status}, which is not documented`];
  const content = member(response, 'content');
  const type = answer.contentType?.split(';', 1)[0]?.trim() ?? '';
  if (content === undefined)
    return answer.body === undefined || answer.body === '' ? [] : [`${answer.status} has a body, none is documented`];
  const schema = member(member(content, type), 'schema');
  if (!isJsonObject(schema)) return [`${answer.status} came as ${type}, which is not documented`];
  if (!type.endsWith('json')) return [];
  const ajv = documentAjv();
  ajv.addSchema(document, 'document');
  const validate = ajv.compile(
    JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#', '"$ref":"document#')) as JsonObject,
  );
  return validate(answer.body) ? [] : [ajv.errorsText(validate.errors)];
}
