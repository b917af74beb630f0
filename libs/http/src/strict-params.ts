/**
 * How a controller takes its input: `@StrictBody(RegisterCustomer) body: RegisterCustomer`. The class is named in the
 * decorator and not taken from the parameter's type, which is gone at run time for a union or an interface.
 */
import { Readable } from 'node:stream';
import { createParamDecorator, UnsupportedMediaTypeException, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { documents } from './documented.js';
import { id, type DtoClass, type FieldType } from './field-types.js';
import { validateDto, validateParameter, validateQuery } from './validation.js';

const requestOf = (context: ExecutionContext): FastifyRequest => context.switchToHttp().getRequest<FastifyRequest>();

const UNREADABLE = [
  'MALFORMED_JSON',
  'DUPLICATE_KEY',
  'JSON_TOO_DEEP',
  'TEXT_HOLDS_NUL',
  'TEXT_NOT_UNICODE',
  'NUMBER_NOT_EXACT',
  'BODY_NOT_UTF8',
];

/** The body, read as this class. */
export const StrictBody = (cls: DtoClass): ParameterDecorator =>
  documents(
    createParamDecorator((_: unknown, context: ExecutionContext) => {
      const { body } = requestOf(context);
      if (body instanceof Readable) throw new UnsupportedMediaTypeException();
      return validateDto(cls, body);
    })(),
    {
      body: { type: 'application/json', schema: cls },
      refuses: [...UNREADABLE, 'VALIDATION_FAILED', 'BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'],
    },
  );

/** The query parameters, read as this class; text becomes the numbers, booleans and lists it declares. */
export const StrictQuery = (cls: DtoClass): ParameterDecorator =>
  documents(
    createParamDecorator((_: unknown, context: ExecutionContext) => validateQuery(cls, requestOf(context).query))(),
    {
      query: cls,
      refuses: ['VALIDATION_FAILED'],
    },
  );

/** A parameter of the path, read as this type. */
export const PathParam = (name: string, type: FieldType): ParameterDecorator =>
  documents(
    createParamDecorator((_: unknown, context: ExecutionContext) => {
      const params: unknown = requestOf(context).params;
      const given: unknown = typeof params === 'object' && params !== null ? Reflect.get(params, name) : undefined;
      return validateParameter(type, name, typeof given === 'string' ? given : '', 'path');
    })(),
    { path: [{ name, type }], refuses: ['VALIDATION_FAILED'] },
  );

/** An id in the path: `@Get(':id') find(@PathId('id') id: string)`. */
export const PathId = (name: string): ParameterDecorator => PathParam(name, id());

/** The body as a stream of bytes, for `readLines`. */
export const NdjsonBody = (line?: DtoClass): ParameterDecorator =>
  documents(
    createParamDecorator((_: unknown, context: ExecutionContext) => {
      const { body, headers } = requestOf(context);
      const isLines = /^application\/x-ndjson\b/i.test(headers['content-type'] ?? '');
      if (!isLines || !(body instanceof Readable)) throw new UnsupportedMediaTypeException();
      return body;
    })(),
    {
      body: { type: 'application/x-ndjson', schema: line ?? { type: 'object' } },
      refuses: ['UNSUPPORTED_MEDIA_TYPE'],
    },
  );
