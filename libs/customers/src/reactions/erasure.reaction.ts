/** Carries out what `CustomerErased` asks for. */
import { Injectable } from '@nestjs/common';
import type { Reaction } from '@timeline/reacting';
import { Erasures } from '../erasures.js';
import { erasureProjection, type ErasureDocument, type ErasureEvent } from '../projections/erasure.projection.js';

@Injectable()
export class ErasureReaction implements Reaction<ErasureDocument, ErasureEvent> {
  readonly projection = erasureProjection;

  constructor(private readonly erasures: Erasures) {}

  act({ subject }: ErasureDocument): Promise<void> {
    return this.erasures.carryOut(subject);
  }
}
