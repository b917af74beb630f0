import { Controller, Get, Module, Patch, Post, Res } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { makePosition, type JsonObject } from '@timeline/kernel';
import type { FastifyReply } from 'fastify';
import type { Readable } from 'node:stream';
import {
  Answers,
  AnswersOutcome,
  buildOpenApi,
  Check,
  CommandHeaders,
  created,
  createHttpApp,
  Currency,
  DecimalAmount,
  Describes,
  type DtoClass,
  fieldTypes,
  Flag,
  Id,
  Instant,
  jsonSchemaOf,
  JsonDocument,
  ListOf,
  MapOf,
  NdjsonBody,
  Nested,
  NestedArray,
  NestedByKind,
  Nullable,
  Numeric,
  OneOf,
  Optional,
  PageQuery,
  pageSchema,
  PathId,
  PlainDate,
  Refuses,
  StrictBody,
  StrictQuery,
  Text,
  violation,
  Whole,
} from './index.js';
import { SchemaComponents } from './json-schema.js';
import { compareBodies, compareSchema, undocumented, type Comparison } from './testing/openapi-truth.js';

class Address {
  @Text({ max: 100 })
  city: string;
  @Optional()
  @Text({ min: 2, max: 10, pattern: /^[0-9A-Z -]+$/, meaning: 'a postal code' })
  postalCode?: string;
}
class Person {
  @OneOf(['person'])
  kind: 'person';
  @Text()
  name: string;
}
class Company {
  @OneOf(['company'])
  kind: 'company';
  @Text({ min: 0 })
  legalName: string;
}
class Everything {
  @Id()
  id: string;
  @Instant()
  at: string;
  @PlainDate()
  day: string;
  @DecimalAmount({ min: '0', max: '100.5', maxPlaces: 4 })
  price: string;
  @Optional()
  @DecimalAmount({ min: '-20', maxPlaces: 0 })
  balance?: string;
  @Currency()
  currency: string;
  @Whole({ min: 0, max: 50 })
  count: number;
  @Numeric({ min: 0, max: 10 })
  score: number;
  @Flag()
  isOpen: boolean;
  @OneOf(['phone', 'email'])
  channel: string;
  @Nested(() => Address)
  address: Address;
  @NestedArray(() => Address, { min: 1, max: 2 })
  addresses: Address[];
  @NestedByKind('kind', () => ({ person: Person, company: Company }))
  who: Person | Company;
  @Optional()
  @ListOf(fieldTypes.text({ max: 20 }), { max: 3, unique: true })
  tags?: string[];
  @Optional()
  @MapOf(fieldTypes.text({ max: 20 }), { max: 3 })
  attributes?: Record<string, string>;
  @Optional()
  @Nullable()
  @Text()
  note?: string | null;
  @Optional()
  @JsonDocument({ maxBytes: 100 })
  rule?: object;
  @Whole({ min: 1, max: 9 })
  priority: number = 3;
}
class Tree {
  @Text({ max: 30 })
  name: string;
  @Optional()
  @NestedArray(() => Tree, { max: 5 })
  children?: Tree[];
}
@Check<Either>(
  (dto) => (dto.a === undefined && dto.b === undefined ? [violation('', 'NEITHER', 'needs a or b')] : []),
  {
    schema: { anyOf: [{ required: ['a'] }, { required: ['b'] }] },
    meaning: 'a or b',
  },
)
class Either {
  @Optional()
  @Text()
  a?: string;
  @Optional()
  @Text()
  b?: string;
}
@Check<OneOfTwo>((dto) =>
  (dto.customerId === undefined) === (dto.email === undefined) ? [violation('', 'ONE_OF', 'needs one of the two')] : [],
)
class OneOfTwo {
  @Optional()
  @Id()
  customerId?: string;
  @Optional()
  @Text({ max: 100 })
  email?: string;
}
class Referring {
  @Nested(() => OneOfTwo)
  customer: OneOfTwo;
}
class ListQuery extends PageQuery {
  @Optional()
  @ListOf(fieldTypes.oneOf(['phone', 'email']))
  channel?: string[];
}

const ID = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff';

@Controller('v1/things')
class ThingsController {
  @Post()
  @Describes('Register a thing', 'In full.')
  @AnswersOutcome(201)
  @Refuses('THING_TAKEN')
  register(
    @StrictBody(Everything) _: Everything,
    @CommandHeaders() __: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): object {
    return created(reply, '/v1/things/1', { id: ID, revision: 0, position: makePosition('abcdef012345', '1') });
  }
  @Post('referring')
  referring(@StrictBody(Referring) _: Referring): void {}
  @Post('trees')
  tree(@StrictBody(Tree) _: Tree): void {}
  @Patch(':id')
  either(@PathId('id') _: string, @StrictBody(Either) __: Either): void {}
  @Get()
  @Answers(200, pageSchema(Address))
  list(@StrictQuery(ListQuery) _: ListQuery): object {
    return { items: [{ city: 'Lyon' }] };
  }
  @Post('lines')
  @Answers(200, Address, 'One outcome a line', 'application/x-ndjson')
  lines(@NdjsonBody(Address) _: Readable): void {}
  @Get('wrong')
  @Answers(200, Address)
  wrong(): object {
    return { town: 'Lyon' };
  }
}
@Module({ controllers: [ThingsController] })
class ThingsModule {}

const expectTruth = (comparisons: Comparison[]): void => {
  expect(comparisons.flatMap(({ disagreements }) => disagreements.slice(0, 5))).toEqual([]);
  for (const { taken, compared } of comparisons) {
    expect(taken).toBeGreaterThan(1);
    expect(compared).toBeGreaterThan(taken + 50);
  }
};

describe("the API's description", () => {
  let app: NestFastifyApplication;
  let url: string;
  let document: JsonObject;
  beforeAll(async () => {
    app = await createHttpApp(ThingsModule, {
      openApi: { title: 'Things', version: '1.2', description: 'All of them' },
    });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
    document = (await (await fetch(`${url}/openapi.json`)).json()) as JsonObject;
  });
  afterAll(() => app.close());

  const at = (...path: string[]): unknown =>
    path.reduce<unknown>(
      (value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined),
      document,
    );

  it('is OpenAPI 3.1', () => {
    expect(document).toMatchObject({
      openapi: '3.1.0',
      info: { title: 'Things', version: '1.2', description: 'All of them' },
    });
    expect(Object.keys(at('paths') as object)).toEqual([
      '/v1/things',
      '/v1/things/referring',
      '/v1/things/trees',
      '/v1/things/{id}',
      '/v1/things/lines',
      '/v1/things/wrong',
    ]);
  });

  it('takes and refuses what the server takes and refuses, for every body', () => {
    const comparisons = compareBodies(app, document);
    expect(comparisons).toHaveLength(5);
    expectTruth(comparisons);
  });

  it('would be found out if it said something else', () => {
    const schemas = document['components'] as { schemas: Record<string, JsonObject> };
    const lying = {
      components: {
        schemas: {
          ...schemas.schemas,
          Address: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
        },
      },
    };
    expect(
      compareSchema(Address, lying as unknown as JsonObject, '/components/schemas/Address').disagreements.length,
    ).toBeGreaterThan(5);
  });

  it('refuses unknown members and names the required ones', () => {
    expect(at('components', 'schemas', 'Address')).toMatchObject({ additionalProperties: false, required: ['city'] });
    expect(at('components', 'schemas', 'Everything', 'properties', 'priority')).toEqual({
      type: 'integer',
      minimum: 1,
      maximum: 9,
      default: 3,
    });
    expect(at('components', 'schemas', 'Everything', 'required')).not.toContain('priority');
    expect(at('components', 'schemas', 'Everything', 'properties', 'count', 'type')).toBe('integer');
  });

  it('names the rules that a schema cannot say', () => {
    expect(at('components', 'schemas', 'OneOfTwo', 'x-rules')).toEqual(['a rule over several members']);
    expect(at('components', 'schemas', 'Either', 'x-rules')).toBeUndefined();
  });

  it('refuses two classes of one name', () => {
    const components = new SchemaComponents();
    components.dto(Address);
    const other = ((): DtoClass => {
      class Address {
        @Text()
        street: string;
      }
      return Address;
    })();
    expect(() => components.dto(other)).toThrow('two classes are named Address');
  });

  it('says what a command takes and how it is answered', () => {
    const post = at('paths', '/v1/things', 'post');
    expect(post).toMatchObject({
      summary: 'Register a thing',
      description: 'In full.',
      requestBody: {
        required: true,
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Everything' } } },
      },
    });
    expect((at('paths', '/v1/things', 'post', 'parameters') as { name: string }[]).map(({ name }) => name)).toEqual([
      'Idempotency-Key',
      'If-Match',
      'X-Actor',
      'X-Correlation-Id',
      'X-Causation-Id',
    ]);
    expect(Object.keys(at('paths', '/v1/things', 'post', 'responses') as object)).toEqual([
      '201',
      '400',
      '409',
      '412',
      '413',
      '415',
      '422',
      '503',
      'default',
    ]);
    expect(at('paths', '/v1/things', 'post', 'responses', '409', 'description')).toContain('THING_TAKEN');
    expect(Object.keys(at('paths', '/v1/things', 'post', 'responses', '201', 'headers') as object)).toEqual([
      'Location',
      'ETag',
      'Timeline-Position',
    ]);
  });

  it('says what a list takes', () => {
    expect(at('paths', '/v1/things', 'get', 'parameters')).toEqual([
      {
        name: 'channel',
        in: 'query',
        required: false,
        schema: { type: 'array', items: { type: 'string', enum: ['phone', 'email'] }, maxItems: 100 },
        style: 'form',
        explode: false,
      },
      {
        name: 'limit',
        in: 'query',
        required: false,
        schema: { type: 'integer', minimum: 1, maximum: 200, default: 50 },
      },
      expect.objectContaining({ name: 'cursor', in: 'query', required: false }),
    ]);
    expect(at('paths', '/v1/things/{id}', 'patch', 'parameters')).toMatchObject([
      { name: 'id', in: 'path', required: true, schema: { format: 'uuid' } },
    ]);
  });

  it('can be held against an answer', async () => {
    const answer = async (method: string, route: string, init: RequestInit = {}): Promise<string[]> => {
      const response = await fetch(`${url}${route.replace('{id}', ID)}`, { method, ...init });
      const text = await response.text();
      const body: unknown = text === '' ? undefined : JSON.parse(text);
      return undocumented(document, {
        method,
        route,
        status: response.status,
        contentType: response.headers.get('content-type'),
        body,
      });
    };
    expect(await answer('GET', '/v1/things')).toEqual([]);
    expect(
      await answer('PATCH', '/v1/things/{id}', { body: '{}', headers: { 'content-type': 'application/json' } }),
    ).toEqual([]);
    expect(
      await answer('PATCH', '/v1/things/{id}', { body: '{"a":"x"}', headers: { 'content-type': 'application/json' } }),
    ).toEqual([]);
    expect(await answer('PATCH', '/v1/things/{id}', { body: '<a/>', headers: { 'content-type': 'text/xml' } })).toEqual(
      [],
    );
    expect(await answer('GET', '/v1/things/wrong')).not.toEqual([]);
    expect(await answer('GET', '/v1/nowhere')).not.toEqual([]);
  });

  it('asks for a key where keys are needed', async () => {
    const guarded = await createHttpApp(ThingsModule, { apiKeys: `crm:${'0'.repeat(64)}` });
    expect(buildOpenApi(guarded, { title: 'Things', version: '1', hasKeys: true })).toMatchObject({
      security: [{ apiKey: [] }],
      components: { securitySchemes: { apiKey: { type: 'http', scheme: 'bearer' } } },
    });
    await guarded.close();
  });

  it('is also to be had for one class', () => {
    expect(jsonSchemaOf(Tree)).toMatchObject({
      $schema: expect.stringContaining('2020-12') as string,
      $ref: '#/$defs/Tree',
      $defs: { Tree: { additionalProperties: false } },
    });
  });
});
