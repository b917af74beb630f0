/** How a request names a moment of the past: `?asOf=` in the world, `?knownAt=` in what was recorded. */
import { Field, fieldTypes, Instant, Optional, type FieldType } from '@timeline/http';
import { POSITION_SHAPE } from '@timeline/kernel';
import type { AsOf } from './history.port.js';

const instant = fieldTypes.instant();
const knownAt: FieldType = {
  read: (value, pointer, reading) =>
    typeof value === 'string' && POSITION_SHAPE.test(value) ? value : instant.read(value, pointer, reading),
  schema: (refs) => ({
    anyOf: [instant.schema(refs), { type: 'string', pattern: POSITION_SHAPE.source }],
    description: 'an instant, or a position that a command answered with',
  }),
};

/** An instant or a position. */
export const KnownAt = (): PropertyDecorator => Field(knownAt);

export class AsOfQuery implements AsOf {
  /** Only what had happened by then. */
  @Optional()
  @Instant()
  asOf?: string;

  /** Only what was recorded by then. */
  @Optional()
  @KnownAt()
  knownAt?: string;
}
