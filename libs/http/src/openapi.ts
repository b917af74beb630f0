/**
 * `/openapi.json`: Nest's own tool walks the routes; what each takes and answers comes from what its decorators wrote
 * down (`documented.ts`) and from the field types that validate it, so that it says what the server does.
 */
import type { INestApplication } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import type { JsonObject } from '@timeline/kernel';
import { addToRoute, routeDocument, type RouteDocument } from './documented.js';
import { shapeOf } from './dto-shape.js';
import type { Answer, DtoClass, JsonSchema } from './field-types.js';
import { isDtoClass, SchemaComponents, schemaOfField } from './json-schema.js';
import { problemTitle } from './problem.js';
import { statusOf } from './status-of.js';

export interface OpenApiInfo {
  title: string;
  version: string;
  description?: string;
}

const describes =
  (more: Partial<RouteDocument>): MethodDecorator =>
  (_target, _key, descriptor) => {
    if (typeof descriptor.value === 'function') addToRoute(descriptor.value, more);
  };

/** What the route does, in a line; and in full. */
export const Describes = (summary: string, description?: string): MethodDecorator =>
  describes({ summary, ...(description !== undefined && { description }) });

/** A body that is not read by `@StrictBody` or `@NdjsonBody`. */
export const Accepts = (schema: Answer, type = 'application/json'): MethodDecorator =>
  describes({ body: { type, schema } });

/** Bodies that the route takes as they stand, by name. */
export const Examples = (examples: NonNullable<RouteDocument['examples']>): MethodDecorator => describes({ examples });

/** A good answer: `@Answers(200, CustomerProfile)`, `@Answers(200, pageOfSchema(Entry))`, `@Answers(304)`. */
export const Answers = (
  status: number,
  schema?: Answer,
  description = 'Done',
  type = 'application/json',
): MethodDecorator => describes({ answers: [{ status, description, type, ...(schema !== undefined && { schema }) }] });

/** Codes of problems that the route answers with, beside those its other decorators bring. */
export const Refuses = (...codes: string[]): MethodDecorator => describes({ refuses: codes });

/** The answer of `created` (201) or `updated` (200). */
export const AnswersOutcome = (status: 200 | 201 | 202, description = 'Recorded'): MethodDecorator =>
  describes({
    answers: [
      {
        status,
        description,
        type: 'application/json',
        schema: (refs) => refs.named('CommandOutcome', OUTCOME),
        isOutcome: true,
      },
    ],
  });

/** `{ items: […], next? }` of these. */
export const pageSchema =
  (item: Answer): Answer =>
  (refs) => ({
    type: 'object',
    properties: {
      items: { type: 'array', items: refs.of(item) },
      next: { type: 'string', description: 'cursor of the next page; absent on the last' },
    },
    required: ['items'],
  });
/** `[…]` of these. */
export const arraySchema =
  (item: Answer): Answer =>
  (refs) => ({ type: 'array', items: refs.of(item) });

const OUTCOME: JsonSchema = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    revision: { type: 'integer', description: "of the stream's last event; the ETag holds it too" },
    position: { type: 'string', description: 'send it back as Timeline-Position to read at least this' },
  },
  required: ['id', 'revision', 'position'],
};

const PROBLEM: JsonSchema = {
  type: 'object',
  description: 'RFC 9457',
  properties: {
    type: { type: 'string', format: 'uri-reference' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { type: 'string', description: 'stable; what programs should look at' },
    instance: { type: 'string', format: 'uri', description: 'this request, as the log knows it' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          in: { type: 'string', enum: ['query', 'path', 'header'], description: 'the body where absent' },
          pointer: { type: 'string', format: 'json-pointer' },
          code: { type: 'string' },
          detail: { type: 'string' },
        },
        required: ['pointer', 'code', 'detail'],
      },
    },
    details: { type: 'object' },
  },
  required: ['type', 'title', 'status', 'detail', 'code'],
};

/** Every class that a route of the application reads a body by; for the test that the description is true. */
export function documentedBodies(app: INestApplication): DtoClass[] {
  const bodies = [...handlersOf(app).values()].map((handler) => routeDocument(handler).body?.schema);
  return [...new Set(bodies.filter((schema) => schema !== undefined && isDtoClass(schema)))];
}

/** Every route's handler, by the operation id that Nest's tool is told to use. */
function handlersOf(app: INestApplication): Map<string, object> {
  const handlers = new Map<string, object>();
  for (const { controllers } of app.get(ModulesContainer).values()) {
    for (const { metatype } of controllers.values()) {
      if (typeof metatype !== 'function') continue;
      for (
        let at: object | null = metatype.prototype as object;
        at && at !== Object.prototype;
        at = Object.getPrototypeOf(at) as object | null
      ) {
        for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
          const key = operationId(metatype.name, name);
          if (typeof value === 'function' && !handlers.has(key)) handlers.set(key, value as object);
        }
      }
    }
  }
  return handlers;
}

const operationId = (controller: string, method: string): string =>
  `${controller.replace(/Controller$/, '')}.${method}`;

/** The OpenAPI 3.1 document of an initialised application. */
export function buildOpenApi(app: INestApplication, info: OpenApiInfo & { hasKeys?: boolean }): JsonObject {
  const builder = new DocumentBuilder().setOpenAPIVersion('3.1.0').setTitle(info.title).setVersion(info.version);
  if (info.description) builder.setDescription(info.description);
  const walked = SwaggerModule.createDocument(app, builder.build(), { operationIdFactory: operationId });
  const handlers = handlersOf(app);
  const components = new SchemaComponents();
  const problem = components.named('Problem', PROBLEM);
  const paths: JsonObject = {};
  for (const [path, methods] of Object.entries(walked.paths)) {
    const item: JsonObject = {};
    for (const [method, operation] of Object.entries(methods) as [
      string,
      { operationId?: string; tags?: string[]; responses?: object },
    ][]) {
      const handler = handlers.get(operation.operationId ?? '');
      if (!handler) continue;
      item[method] = operationOf(path, operation, routeDocument(handler), components, problem, info.hasKeys ?? false);
    }
    paths[path] = item;
  }
  return {
    openapi: '3.1.0',
    info: { title: info.title, version: info.version, ...(info.description && { description: info.description }) },
    ...(info.hasKeys && { security: [{ apiKey: [] }] }),
    paths,
    components: {
      schemas: components.schemas,
      ...(info.hasKeys && { securitySchemes: { apiKey: { type: 'http', scheme: 'bearer' } } }),
    },
  };
}

function operationOf(
  path: string,
  walked: { operationId?: string; tags?: string[]; responses?: object },
  route: RouteDocument,
  components: SchemaComponents,
  problem: JsonSchema,
  hasKeys: boolean,
): JsonObject {
  return {
    operationId: walked.operationId ?? path,
    ...(walked.tags && { tags: walked.tags }),
    ...(route.summary !== undefined && { summary: route.summary }),
    ...(route.description !== undefined && { description: route.description }),
    parameters: parametersOf(path, route, components),
    ...(route.body && {
      requestBody: {
        required: true,
        content: {
          [route.body.type]: {
            schema: components.of(route.body.schema),
            // What a route takes is JSON.
            ...(route.examples && { examples: route.examples as JsonObject }),
          },
        },
      },
    }),
    responses: responsesOf(walked, route, components, problem, hasKeys),
  };
}

function parametersOf(path: string, route: RouteDocument, components: SchemaComponents): JsonObject[] {
  const named = new Map(route.path.map(({ name, type }) => [name, type.schema(components)]));
  const inPath = [...path.matchAll(/\{([^}]+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: named.get(name) ?? { type: 'string' },
  }));
  const headers = route.headers.map(({ name, description }) => ({
    name,
    in: 'header',
    description,
    schema: { type: 'string' },
  }));
  return [...inPath, ...(route.query ? queryParameters(route.query, components) : []), ...headers];
}

function queryParameters(cls: DtoClass, components: SchemaComponents): JsonObject[] {
  return [...shapeOf(cls).fields.values()].map((field) => {
    const schema = schemaOfField(cls, field.name, components);
    // Several values stand in one parameter, separated by commas.
    return {
      name: field.name,
      in: 'query',
      required: field.isRequired,
      schema,
      ...(schema['type'] === 'array' && { style: 'form', explode: false }),
    };
  });
}

const HEADERS_OF_OUTCOME: JsonObject = {
  ETag: { schema: { type: 'string' }, description: 'the revision, for If-Match' },
  'Timeline-Position': { schema: { type: 'string' } },
};

function responsesOf(
  walked: { responses?: object },
  route: RouteDocument,
  components: SchemaComponents,
  problem: JsonSchema,
  hasKeys: boolean,
): JsonObject {
  const responses: JsonObject = {};
  // Nest's tool knows the status of a route that says nothing about its answers.
  if (route.answers.length === 0)
    for (const status of Object.keys(walked.responses ?? {})) responses[status] = { description: 'Done' };
  for (const { status, description, schema, type, isOutcome } of route.answers) {
    const rendered = schema === undefined ? undefined : components.of(schema);
    responses[status] = {
      description,
      ...(isOutcome && {
        headers: { ...(status === 201 && { Location: { schema: { type: 'string' } } }), ...HEADERS_OF_OUTCOME },
      }),
      ...(rendered && { content: { [type]: { schema: rendered } } }),
    };
  }
  const byStatus = new Map<number, string[]>();
  for (const code of [...route.refuses, ...(hasKeys ? ['UNAUTHENTICATED'] : [])]) {
    const status = statusOf(code);
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const content = { 'application/problem+json': { schema: problem } };
  for (const [status, codes] of byStatus) {
    responses[status] = { description: codes.map((code) => `${code}: ${problemTitle(code)}`).join('\n'), content };
  }
  responses['default'] = { description: 'Any other problem', content };
  return responses;
}
