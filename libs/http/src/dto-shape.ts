/**
 * The shape of a DTO, read back from class-validator's metadata: which members there are, of which type, and what
 * holds between them. Decorators that would let unchecked input through (`@IsOptional`, `@ValidateNested`, `@Allow`,
 * a member without a type) are refused when the class is first used.
 */
import { FaultError } from '@timeline/kernel';
import { getMetadataStorage, ValidationTypes } from 'class-validator';
import type { DtoClass, FieldType, JsonSchema, Violation } from './field-types.js';
import { pointerTo } from './json-strict.js';

/** Name of the class-validator rule that carries a field type as its only constraint. */
export const FIELD_RULE = 'timelineField';
/** Conditions of `@Optional()` and `@Nullable()`; known again by identity. */
export const isPresent = (_dto: object, value: unknown): boolean => value !== undefined;
export const isNotNull = (_dto: object, value: unknown): boolean => value !== null;

/** A rule over several fields. `pointer` of a violation is relative to the object, e.g. `/until`. */
export interface CheckRule<T extends object = object> {
  check: (dto: T) => readonly Violation[];
  /** The same in JSON Schema where it can be said, e.g. `{ anyOf: [{ required: ['a'] }, { required: ['b'] }] }`. */
  schema?: JsonSchema;
  /** The same in words, for the API's description. */
  meaning?: string;
}

const checks = new WeakMap<object, CheckRule[]>();

export function addCheck(cls: DtoClass, rule: CheckRule): void {
  // Decorators run from the last to the first; rules read better in the order they are written.
  checks.set(cls, [rule, ...(checks.get(cls) ?? [])]);
}

export interface FieldShape {
  name: string;
  /** Its segment of a JSON pointer, `/` included. */
  segment: string;
  type: FieldType;
  isRequired: boolean;
  isNullable: boolean;
  /** Names of class-validator's own rules beside the type, e.g. `isEmail`. */
  extraRules: string[];
  /** What the class sets when the member is absent. */
  default: unknown;
}

export interface DtoShape {
  fields: ReadonlyMap<string, FieldShape>;
  checks: readonly CheckRule[];
  hasExtraRules: boolean;
}

const shapes = new WeakMap<DtoClass, DtoShape>();

/** @throws FaultError DTO_UNSAFE when the class is declared in a way that would let unchecked input through */
export function shapeOf(cls: DtoClass): DtoShape {
  let shape = shapes.get(cls);
  if (!shape) {
    shape = readShape(cls);
    shapes.set(cls, shape);
  }
  return shape;
}

function readShape(cls: DtoClass): DtoShape {
  const unsafe = (property: string, why: string): FaultError =>
    new FaultError('DTO_UNSAFE', `${cls.name}.${property}: ${why}`);
  const storage = getMetadataStorage();
  const defaults = new cls();
  const fields = new Map<string, FieldShape>();
  const byName = storage.groupByPropertyName(storage.getTargetValidationMetadatas(cls, '', false, false));
  for (const [name, metadatas] of Object.entries(byName)) {
    const own: FieldType[] = [];
    const extraRules: string[] = [];
    let isOptional = false;
    let isNullable = false;
    for (const metadata of metadatas) {
      const first: unknown = metadata.constraints?.[0];
      if (metadata.name === FIELD_RULE) {
        // Put there by `Field` above; class-validator types its constraints as `any`.
        own.push(first as FieldType);
      } else if (first === isPresent) isOptional = true;
      else if (first === isNotNull) isNullable = true;
      else if (metadata.type === ValidationTypes.CUSTOM_VALIDATION) extraRules.push(metadata.name ?? 'custom');
      else throw unsafe(name, 'use @Optional(), @Nullable(), @Nested() or @NestedArray() of @timeline/http instead');
    }
    const type = own[0];
    if (!type) throw unsafe(name, 'has no field type of @timeline/http, such as @Text() or @Whole()');
    const preset: unknown = Reflect.get(defaults, name);
    fields.set(name, {
      name,
      segment: pointerTo('', name),
      type,
      isRequired: !isOptional && preset === undefined,
      isNullable,
      extraRules,
      default: preset,
    });
  }
  const inherited: CheckRule[] = [];
  for (let at: object | null = cls; at && at !== Function.prototype; at = Object.getPrototypeOf(at) as object | null) {
    inherited.unshift(...(checks.get(at) ?? []));
  }
  return {
    fields,
    checks: inherited,
    hasExtraRules: [...fields.values()].some((field) => field.extraRules.length > 0),
  };
}
