/**
 * A handler that waits for a store that hangs would keep its client waiting too, through every try of the store's own
 * client. What is not answered in time is answered 503; it may yet be carried out, which the same `Idempotency-Key` tells.
 * A stream is answered once its source is there; how long it lasts is not looked at.
 */
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { UnavailableError } from '@timeline/kernel';
import { throwError, timeout, type Observable } from 'rxjs';

export class AnswerInTime implements NestInterceptor {
  constructor(private readonly withinMs: number) {}

  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const late = (): Observable<never> =>
      throwError(() => new UnavailableError('store behind this request', 'a request was not answered in time'));
    return next.handle().pipe(timeout({ first: this.withinMs, with: late }));
  }
}
