/** JSON Schema (2020-12) of DTO classes, from the same field types that validate them. */
import { FaultError } from '@timeline/kernel';
import { shapeOf } from './dto-shape.js';
import type { Answer, DtoClass, JsonSchema, SchemaRefs } from './field-types.js';

export const isDtoClass = (answer: Answer): answer is DtoClass =>
  typeof answer === 'function' && /^class\b/.test(Function.prototype.toString.call(answer));

/** What is written once and pointed at, by name. */
export class SchemaComponents implements SchemaRefs {
  readonly schemas: Record<string, JsonSchema> = {};
  readonly #owners = new Map<string, unknown>();

  /** @param prefix where the schemas will stand, e.g. `#/components/schemas/` */
  constructor(readonly prefix = '#/components/schemas/') {}

  dto(cls: DtoClass): JsonSchema {
    if (this.#claim(cls.name, cls)) this.schemas[cls.name] = schemaOfDto(cls, this);
    return { $ref: `${this.prefix}${cls.name}` };
  }

  named(name: string, schema: JsonSchema): JsonSchema {
    if (this.#claim(name, name)) this.schemas[name] = schema;
    return { $ref: `${this.prefix}${name}` };
  }

  of(answer: Answer): JsonSchema {
    if (isDtoClass(answer)) return this.dto(answer);
    return typeof answer === 'function' ? answer(this) : answer;
  }

  /** True the first time; the name is taken before the schema is made, so that a class may hold itself. */
  #claim(name: string, owner: unknown): boolean {
    if (this.#owners.has(name)) {
      if (this.#owners.get(name) === owner) return false;
      throw new FaultError(
        'DTO_NAME_TAKEN',
        `two classes are named ${name}; the API's description needs one name for each`,
      );
    }
    this.#owners.set(name, owner);
    return true;
  }
}

function schemaOfDto(cls: DtoClass, refs: SchemaRefs): JsonSchema {
  const { fields, checks } = shapeOf(cls);
  const properties: JsonSchema = {};
  const required: string[] = [];
  for (const field of fields.values()) {
    properties[field.name] = schemaOfField(cls, field.name, refs);
    if (field.isRequired) required.push(field.name);
  }
  const schemas = checks.flatMap((rule) => (rule.schema ? [rule.schema] : []));
  const meanings = checks.flatMap((rule) => (rule.meaning ? [rule.meaning] : []));
  // Rules that JSON Schema cannot say: the server may refuse more than the schema does.
  const unsaid = checks.filter((rule) => !rule.schema).map((rule) => rule.meaning ?? 'a rule over several members');
  return {
    type: 'object',
    additionalProperties: false,
    properties,
    ...(required.length > 0 && { required }),
    ...(schemas.length > 0 && { allOf: schemas }),
    ...(meanings.length > 0 && { description: meanings.join('; ') }),
    ...(unsaid.length > 0 && { 'x-rules': unsaid }),
  };
}

/** Of one member, with its default and `null` where it may be that. */
export function schemaOfField(cls: DtoClass, name: string, refs: SchemaRefs): JsonSchema {
  const field = shapeOf(cls).fields.get(name);
  if (!field) throw new FaultError('DTO_UNSAFE', `${cls.name} has no member ${name}`);
  const schema = field.type.schema(refs);
  return {
    ...(field.isNullable ? { anyOf: [schema, { type: 'null' }] } : schema),
    // Class defaults are what JSON can say, since field types read nothing else.
    ...(field.default !== undefined && { default: field.default as JsonSchema[string] }),
    ...(field.extraRules.length > 0 && { 'x-rules': field.extraRules }),
  };
}

/** A whole JSON Schema of a class, by itself. */
export function jsonSchemaOf(cls: DtoClass): JsonSchema {
  const components = new SchemaComponents('#/$defs/');
  const root = components.dto(cls);
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', ...root, $defs: components.schemas };
}
