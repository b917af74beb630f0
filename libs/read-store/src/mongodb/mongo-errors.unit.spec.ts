import { errorCode, FaultError, UnavailableError } from '@timeline/kernel';
import {
  MongoClientBulkWriteError,
  MongoError,
  MongoNetworkError,
  MongoNetworkTimeoutError,
  MongoOperationTimeoutError,
  MongoServerError,
  MongoServerSelectionError,
  MongoWriteConcernError,
} from 'mongodb';
import { bulk, translated } from './mongo-errors.js';

const ofServer = (code: number, ...errorLabels: string[]): MongoServerError =>
  new MongoServerError({ message: 'dup key: { email: "anna@example.org" }', code, errorLabels });

/** As the driver's monitor makes it. */
function heartbeatFailed(): MongoError {
  const error = new MongoError('write EPIPE', { cause: new Error('write EPIPE') });
  error.addErrorLabel('ResetPool');
  return error;
}

const asTold = (error: unknown): Promise<unknown> =>
  translated(() => Promise.reject(error)).catch((told: unknown) => told);

describe('errors of MongoDB', () => {
  const passing: [string, Error][] = [
    ['a lost connection', new MongoNetworkError('gone')],
    ['a silent one', new MongoNetworkTimeoutError('slow')],
    [
      'a socket that broke under a large write',
      Object.assign(new Error('write EPIPE'), { code: 'EPIPE', syscall: 'write' }),
    ],
    ['a heartbeat that failed by an error of the socket', heartbeatFailed()],
    ['a pool that was cleared for it', new MongoNetworkError('cleared', { cause: heartbeatFailed() })],
    ['an operation out of time', new MongoOperationTimeoutError('slow')],
    ['a primary that stepped down', ofServer(189)],
    ['a server that is no primary', ofServer(10107)],
    ['a shutdown', ofServer(91)],
    ['a cursor that is gone', ofServer(43)],
    ['whatever is labelled to be tried again', ofServer(999, 'RetryableWriteError')],
    [
      'writes not confirmed by the majority',
      new MongoWriteConcernError({ ok: 1, writeConcernError: { code: 64, errmsg: 'waiting timed out' } }),
    ],
  ];
  it.each(passing)('%s: unavailable for now', async (_what, error) => {
    expect(await asTold(error)).toBeInstanceOf(UnavailableError);
  });

  it.each([
    ['wrong credentials', 18, 'READ_STORE_REFUSED'],
    ['a duplicate key where none was reckoned with', 11_000, 'READ_STORE_REFUSED'],
    ['a server older than 8.0', 59, 'READ_STORE_TOO_OLD'],
  ])('%s: a fault that does not quote documents', async (_what, code, expected) => {
    const told = await asTold(ofServer(code));
    expect(told).toBeInstanceOf(FaultError);
    expect(errorCode(told)).toBe(expected);
    expect(told instanceof Error ? [told.message, told.cause] : []).toEqual([
      expect.not.stringContaining('anna'),
      undefined,
    ]);
  });

  it('that are none of its stay as they are', async () => {
    const error = new TypeError('a mistake');
    expect(await asTold(error)).toBe(error);
  });

  it('no server found: unavailable', async () => {
    // The driver gives it a description of the servers, which nobody reads here.
    const error = new MongoServerSelectionError(
      'none',
      {} as ConstructorParameters<typeof MongoServerSelectionError>[1],
    );
    expect(await asTold(error)).toBeInstanceOf(UnavailableError);
  });
});

describe('a bulk write', () => {
  const failing = (change: (error: MongoClientBulkWriteError) => void): Promise<unknown> => {
    const error = new MongoClientBulkWriteError({ message: 'some failed' });
    change(error);
    return bulk(() => Promise.reject(error)).catch((told: unknown) => told);
  };

  it('tells the writes that a unique index refused', async () => {
    const told = await failing((error) => error.writeErrors.set(3, { code: 11_000, message: 'x' }));
    expect(told).toEqual({ result: undefined, refusals: new Map([[3, { code: 11_000, message: 'x' }]]) });
  });

  it('is unavailable if a single write met an election, or the majority did not confirm', async () => {
    expect(await failing((error) => error.writeErrors.set(0, { code: 10107, message: '' }))).toBeInstanceOf(
      UnavailableError,
    );
    expect(await failing((error) => error.writeConcernErrors.push({ code: 64 }))).toBeInstanceOf(UnavailableError);
    expect(await failing((error) => (error.cause = ofServer(91)))).toBeInstanceOf(UnavailableError);
  });

  it('is a fault if a single write was refused for anything else', async () => {
    expect(errorCode(await failing((error) => error.writeErrors.set(0, { code: 121, message: '' })))).toBe(
      'READ_STORE_REFUSED',
    );
    expect(errorCode(await failing((error) => (error.cause = ofServer(59))))).toBe('READ_STORE_TOO_OLD');
  });
});
