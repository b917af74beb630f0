import fc from 'fast-check';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { wholeAnswers, withWholeAnswers } from './whole-answers.js';

const answerOf = (body: Uint8Array): Buffer => {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  return Buffer.concat([length, body]);
};

describe('whole answers', () => {
  it('are given on one at a time, as they were, wherever what arrives was cut', () => {
    const bodies = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 });
    const cuts = fc.array(fc.nat({ max: 12 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(bodies, cuts, (each, sizes) => {
        const answers = each.map(answerOf);
        const bytes = Buffer.concat(answers);
        const got: Buffer[] = [];
        const take = wholeAnswers((answer) => got.push(answer));
        for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
          const end = at + 1 + (sizes[turn % sizes.length] ?? 0);
          take(bytes.subarray(at, end));
          at = end;
        }
        expect(got).toEqual(answers);
      }),
      { numRuns: 500 },
    );
  });

  it.each([-1, 0x47455420])('refuse a length of %d bytes: that is no Kafka broker', (length) => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(length);
    expect(() => wholeAnswers(() => undefined)(bytes)).toThrow(`no answer of Kafka has ${length} bytes`);
  });
});

describe('a socket with whole answers', () => {
  let server: Server;
  let sends: Buffer;

  beforeEach(async () => {
    server = createServer((socket) => socket.end(sends));
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  afterEach(() => server.close());

  const socketOf = (): ReturnType<typeof connect> =>
    withWholeAnswers(connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port }));

  it('takes half an answer with it when it ends', async () => {
    sends = Buffer.concat([answerOf(Buffer.from('whole')), answerOf(Buffer.from('cut off')).subarray(0, 6)]);
    const got: unknown[] = [];
    const socket = socketOf();
    socket.on('data', (answer) => got.push(answer));
    await once(socket, 'close');
    expect(got).toEqual([answerOf(Buffer.from('whole'))]);
  });

  it('ends with the error of whoever could not read an answer, and the process does not', async () => {
    sends = answerOf(Buffer.from('an answer'));
    const socket = socketOf();
    const failed = once(socket, 'error');
    socket.on('data', () => {
      throw new RangeError('cannot be read');
    });
    expect(await failed).toEqual([new RangeError('cannot be read')]);
  });
});
