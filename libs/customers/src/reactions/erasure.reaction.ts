/** Carries out what `CustomerErased` asks for, and certifies it once nothing can show anything of the person. */
import { Injectable } from '@nestjs/common';
import type { Reaction } from '@timeline/reacting';
import { ErasureCertificates } from '../erasure-certificates.js';
import { Erasures } from '../erasures.js';
import {
  erasureProjection,
  isCarriedOut,
  type ErasureDocument,
  type ErasureEvent,
} from '../projections/erasure.projection.js';

@Injectable()
export class ErasureReaction implements Reaction<ErasureDocument, ErasureEvent> {
  readonly projection = erasureProjection;

  constructor(
    private readonly erasures: Erasures,
    private readonly certificates: ErasureCertificates,
  ) {}

  act(document: ErasureDocument): Promise<void | 'later'> {
    return isCarriedOut(document) ? this.certificates.certify(document) : this.erasures.carryOut(document.subject);
  }
}
