/**
 * The decorators of a DTO's fields. They are class-validator decorators: its metadata storage is the only registry, so
 * its inheritance rules hold and its own `validate()` checks these classes too. Its other decorators (`@IsEmail()` …)
 * may stand beside a field type of ours and are then checked as well.
 */
import { ValidateBy, ValidateIf } from 'class-validator';
import { addCheck, FIELD_RULE, isNotNull, isPresent, type CheckRule } from './dto-shape.js';
import * as types from './field-types.js';
import type { DtoClass, FieldType, JsonSchema, Violation } from './field-types.js';
import { readStandalone } from './validation.js';

/** Makes a decorator of a field type; for types that a slice adds. */
export function Field(type: FieldType): PropertyDecorator {
  return ValidateBy({
    name: FIELD_RULE,
    constraints: [type],
    validator: {
      validate: (value: unknown) => readStandalone(type, value).length === 0,
      defaultMessage: (args) =>
        `${args?.property ?? 'value'} ${readStandalone(type, args?.value)[0]?.message ?? 'is wrong'}`,
    },
  });
}

/** The member may be absent. `null` is still refused: it would be a third meaning. */
export const Optional = (): PropertyDecorator => ValidateIf(isPresent);
/** `null` is a value of this member, as where a PATCH clears a field. It may not be absent unless also `@Optional()`. */
export const Nullable = (): PropertyDecorator => ValidateIf(isNotNull);

export const Text = (options?: types.TextOptions): PropertyDecorator => Field(types.text(options));
export const Instant = (): PropertyDecorator => Field(types.instant());
export const PlainDate = (): PropertyDecorator => Field(types.plainDate());
export const DecimalAmount = (options?: types.DecimalOptions): PropertyDecorator => Field(types.decimalAmount(options));
export const Whole = (options?: types.RangeOptions): PropertyDecorator => Field(types.whole(options));
export const Numeric = (options?: types.RangeOptions): PropertyDecorator => Field(types.numeric(options));
export const Flag = (): PropertyDecorator => Field(types.flag());
export const OneOf = (values: readonly string[]): PropertyDecorator => Field(types.oneOf(values));
export const Id = (): PropertyDecorator => Field(types.id());
export const Currency = (): PropertyDecorator => Field(types.currency());
export const JsonDocument = (options?: { maxBytes?: number }): PropertyDecorator => Field(types.jsonDocument(options));
export const ListOf = (item: FieldType, options?: types.ListOptions): PropertyDecorator =>
  Field(types.list(item, options));
export const MapOf = (item: FieldType, options?: types.MapOptions): PropertyDecorator =>
  Field(types.map(item, options));
export const Nested = (cls: () => DtoClass): PropertyDecorator => Field(types.nested(cls));
export const NestedArray = (cls: () => DtoClass, options?: types.ListOptions): PropertyDecorator =>
  Field(types.list(types.nested(cls), options));
export const NestedByKind = (
  discriminator: string,
  classes: () => Readonly<Record<string, DtoClass>>,
): PropertyDecorator => Field(types.nestedByKind(discriminator, classes));

/** A rule over several fields; runs when each field by itself is right. */
export function Check<T extends object>(
  check: (dto: T) => readonly Violation[],
  saying: { schema?: JsonSchema; meaning?: string } = {},
): (cls: DtoClass<T>) => void {
  return (cls) => {
    // Only ever called with what was read as an instance of this class.
    addCheck(cls, { check: check as CheckRule['check'], ...saying });
  };
}

/** The range of `from`, inclusive, and `to`, exclusive, is not empty. */
export const ToAfterFrom = (): ((cls: DtoClass<{ from?: string; to?: string }>) => void) =>
  Check(({ from, to }) =>
    from !== undefined && to !== undefined && from >= to
      ? [{ pointer: '/to', code: 'RANGE_EMPTY', message: 'to must be after from' }]
      : [],
  );
