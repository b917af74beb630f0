/**
 * From plain JSON to a DTO, strictly: every member must be declared, nothing is converted, `null` is not "absent",
 * an array is not an object. All violations come at once, each with its JSON pointer; values are never quoted.
 */
import { DomainError, FaultError } from '@timeline/kernel';
import { validateSync } from 'class-validator';
import {
  isJsonObject,
  MAX_VIOLATIONS,
  refuse,
  type DtoClass,
  type FieldType,
  type Reading,
  type Violation,
} from './field-types.js';
import { shapeOf } from './dto-shape.js';
import { pointerTo, textFault } from './json-strict.js';

/** Well-formed but wrong input. Answered 422 with every violation. */
export class ValidationError extends DomainError {
  override readonly name = 'ValidationError';
  constructor(readonly violations: readonly Violation[]) {
    const first = violations[0];
    super(
      'VALIDATION_FAILED',
      first
        ? `${first.pointer || 'the body'} ${first.message}${violations.length > 1 ? ` (and ${violations.length - 1} more)` : ''}`
        : 'wrong input',
      first ? { pointer: first.pointer } : {},
    );
  }
}

/** A violation, for rules written with `@Check`. */
export const violation = (pointer: string, code: string, message: string): Violation => ({ pointer, code, message });

class DtoReading implements Reading {
  readonly violations: Violation[] = [];

  object<T extends object>(cls: DtoClass<T>, value: unknown, pointer: string): T | undefined {
    if (!isJsonObject(value)) return refuse(this, pointer, 'NOT_AN_OBJECT', 'must be a JSON object');
    const shape = shapeOf(cls);
    const before = this.violations.length;
    const dto = new cls();
    const members = dto as Record<string, unknown>;
    for (const key of Object.keys(value)) {
      if (!shape.fields.has(key)) {
        refuse(
          this,
          pointerTo(pointer, key),
          'UNKNOWN_FIELD',
          `is not a field here; known are ${[...shape.fields.keys()].join(', ')}`,
        );
      }
    }
    for (const field of shape.fields.values()) {
      const at = pointer + field.segment;
      // An inherited `toString` or the like must not count as a member that was sent.
      const given = Object.hasOwn(value, field.name) ? value[field.name] : undefined;
      if (given === undefined) {
        if (field.isRequired) refuse(this, at, 'REQUIRED', 'is required');
      } else if (given === null && field.isNullable) members[field.name] = null;
      else if (given === null) refuse(this, at, 'NULL', 'must not be null; leave it out if there is no value');
      else members[field.name] = field.type.read(given, at, this);
    }
    if (this.violations.length > before) return undefined;
    if (shape.hasExtraRules) this.#runExtraRules(dto, pointer);
    if (this.violations.length > before) return undefined;
    for (const { check } of shape.checks) {
      for (const found of check(dto)) refuse(this, `${pointer}${found.pointer}`, found.code, found.message);
    }
    return this.violations.length > before ? undefined : dto;
  }

  /** class-validator's own decorators beside our field types. */
  #runExtraRules(dto: object, pointer: string): void {
    const options = {
      skipUndefinedProperties: true,
      forbidUnknownValues: false,
      validationError: { target: false, value: false },
    };
    for (const error of validateSync(dto, options)) {
      for (const [rule, message] of Object.entries(error.constraints ?? {})) {
        const code = rule.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase();
        refuse(this, pointerTo(pointer, error.property), code, message);
      }
    }
  }
}

/** @throws ValidationError with all violations */
export function validateDto<T extends object>(cls: DtoClass<T>, plain: unknown): T {
  const reading = new DtoReading();
  const dto = reading.object(cls, plain, '');
  if (dto === undefined || reading.violations.length > 0) throw new ValidationError(reading.violations);
  return dto;
}

/** What is wrong with one value by itself; for class-validator's own runs and for parameters of a path. */
export function readStandalone(type: FieldType, value: unknown, pointer = ''): Violation[] {
  const reading = new DtoReading();
  type.read(value, pointer, reading);
  return reading.violations;
}

/** One parameter of a path or header, by a field type. @throws ValidationError */
export function validateParameter(
  type: FieldType,
  name: string,
  text: string,
  where: 'query' | 'path' | 'header',
): unknown {
  const reading = new DtoReading();
  const value = type.read(type.fromText ? type.fromText(text) : text, pointerTo('', name), reading);
  if (reading.violations.length > 0)
    throw new ValidationError(reading.violations.map((each) => ({ ...each, in: where })));
  return value;
}

/**
 * Query parameters: declared numbers, booleans and lists (`a,b`) are read from their text, unknown and repeated
 * parameters are refused. @throws ValidationError
 */
export function validateQuery<T extends object>(cls: DtoClass<T>, query: unknown): T {
  const { fields } = shapeOf(cls);
  const plain: Record<string, unknown> = {};
  const violations: Violation[] = [];
  const refuseParameter = (name: string, code: string, message: string): void => {
    violations.push({ pointer: pointerTo('', name), code, message, in: 'query' });
  };
  for (const [name, given] of Object.entries(query ?? {})) {
    const field = fields.get(name);
    if (!field)
      refuseParameter(name, 'UNKNOWN_PARAMETER', `is not a parameter here; known are ${[...fields.keys()].join(', ')}`);
    else if (typeof given !== 'string')
      refuseParameter(name, 'REPEATED_PARAMETER', 'is given more than once; separate several values by commas');
    else if (textFault(given)) refuseParameter(name, 'NOT_TEXT', 'must not hold the NUL character');
    else if (field.isNullable)
      throw new FaultError('DTO_UNSAFE', `${cls.name}.${name}: a query parameter cannot be null`);
    else plain[name] = field.type.fromText ? field.type.fromText(given) : given;
  }
  if (violations.length > 0) throw new ValidationError(violations.slice(0, MAX_VIOLATIONS));
  try {
    return validateDto(cls, plain);
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    throw new ValidationError(error.violations.map((each) => ({ ...each, in: 'query' as const })));
  }
}
