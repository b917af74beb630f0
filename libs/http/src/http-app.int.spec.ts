import { createHash } from 'node:crypto';
import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import type { Readable } from 'node:stream';
import {
  Controller,
  Delete,
  Get,
  Headers,
  Injectable,
  Module,
  type OnModuleDestroy,
  Patch,
  Post,
  Res,
} from '@nestjs/common';
import { IsString } from 'class-validator';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DomainError, FaultError, makePosition, parsePosition, UnavailableError } from '@timeline/kernel';
import type { FastifyReply } from 'fastify';
import {
  answered,
  CommandHeaders,
  created,
  createHttpApp,
  decodeUtf8,
  etagOf,
  fieldTypes,
  Flag,
  type HttpOptions,
  inOrder,
  LastEventId,
  NdjsonBody,
  ndjsonReply,
  Optional,
  PageQuery,
  parseJsonStrict,
  PathId,
  PathParam,
  PositionHeader,
  type Problem,
  problemOf,
  readLines,
  sse,
  SseRegistry,
  StrictBody,
  StrictQuery,
  Text,
  updated,
} from './index.js';

const LOG = 'abcdef012345';
const POSITION = makePosition(LOG, '00000000000000000007');
const ID = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff';

class RegisterThing {
  @Text({ max: 200_000 })
  name: string;
}
class ThingQuery extends PageQuery {
  @Optional()
  @Flag()
  open?: boolean;
}

/** What the test looks at from outside the server. */
const seen = {
  sseEnded: 0,
  sseSent: 0,
  linesRun: 0,
  linesEnded: 0,
  streamsEnded: 0,
  /** What lets requests that hang go on. */
  released: [] as (() => void)[],
};

@Controller('v1/things')
class ThingsController {
  constructor(readonly streams: SseRegistry) {}

  @Post()
  register(
    @StrictBody(RegisterThing) body: RegisterThing,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): object {
    return {
      ...created(reply, `/v1/things/${ID}`, { id: ID, revision: 0, position: POSITION }),
      name: body.name,
      headers,
    };
  }

  @Post('union')
  union(@StrictBody(RegisterThing) body: RegisterThing | string | null): object {
    return { body };
  }

  @Patch(':id')
  change(
    @PathId('id') id: string,
    @CommandHeaders() headers: CommandHeaders,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): object {
    if (headers.ifMatch !== 3 && id === ID) {
      throw new DomainError('WRONG_EXPECTED_REVISION', 'stream is at revision 3', {
        expected: headers.ifMatch,
        actual: 3,
      });
    }
    return updated(reply, { id, revision: 4, position: POSITION });
  }

  @Get()
  list(@StrictQuery(ThingQuery) query: ThingQuery): object {
    return query;
  }

  @Get('on/:day')
  on(@PathParam('day', fieldTypes.plainDate()) day: string): object {
    return { day };
  }

  @Get('tagged')
  tagged(@Res({ passthrough: true }) reply: FastifyReply): unknown {
    return answered(reply, { a: 1 }, { etag: etagOf('build', 3), position: POSITION });
  }

  @Get('at')
  at(@PositionHeader() position: string | undefined): object {
    return { position: position === undefined ? null : parsePosition(position, LOG) };
  }

  @Get('fails/:how')
  fails(@PathParam('how', fieldTypes.text()) how: string): object {
    if (how === 'unknown') throw new TypeError('secret: ann@example.org');
    if (how === 'fault') throw new FaultError('LOG_DAMAGED', 'the log is damaged');
    if (how === 'away') throw new UnavailableError('event store', 'connect ECONNREFUSED 10.0.0.7:2113');
    if (how === 'string') throw 'a bare string';
    throw new DomainError(how, `refused as ${how}`, how === 'REASON_REQUIRED' ? { pointer: '/reason' } : {});
  }

  @Delete('empty')
  empty(): void {
    return;
  }

  @Post('lines')
  lines(@NdjsonBody() body: Readable, @Res({ passthrough: true }) reply: FastifyReply): AsyncIterable<string> {
    const outcomes = inOrder(readLines(body, { maxLineBytes: 1000 }), {
      window: 8,
      keysOf: () => [],
      run: async (line) => {
        seen.linesRun += 1;
        await turn();
        try {
          if (line.kind === 'oversized') throw new DomainError('LINE_TOO_LONG', 'this line is too long');
          return { line: line.lineNumber, value: parseJsonStrict(decodeUtf8(line.bytes)) };
        } catch (error) {
          return { line: line.lineNumber, problem: problemOf(error) };
        }
      },
    });
    return ndjsonReply(
      reply,
      (async function* () {
        try {
          yield* outcomes;
        } finally {
          seen.linesEnded += 1;
        }
      })(),
    );
  }

  @Get('numbers')
  numbers(
    @Headers('x-fail-at') failAt: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): AsyncIterable<string> {
    async function* numbers(): AsyncGenerator<object> {
      try {
        for (let index = 0; ; index++) {
          if (String(index) === failAt) throw new DomainError('THING_NOT_FOUND', 'gone');
          await turn();
          yield { index, padding: 'x'.repeat(1000) };
        }
      } finally {
        seen.streamsEnded += 1;
      }
    }
    return ndjsonReply(reply, numbers());
  }

  @Get('overdue')
  async overdue(
    @Headers('x-comes-to') comesTo: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    await new Promise<void>((resolve) => seen.released.push(resolve));
    if (comesTo === 'fault') throw new FaultError('THING_BROKEN', 'broken');
    if (comesTo === 'refusal') throw new DomainError('THING_NOT_FOUND', 'gone');
    return comesTo === 'stream'
      ? this.numbers(undefined, reply)
      : created(reply, `/v1/things/${ID}`, { id: ID, revision: 0, position: POSITION });
  }

  @Get('events')
  events(
    @LastEventId() after: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): AsyncIterable<string> {
    async function* events(signal: AbortSignal): AsyncGenerator<{ id: string; event: string; data: unknown }> {
      try {
        for (let index = Number(after ?? -1) + 1; index < 3; index++)
          yield { id: String(index), event: 'thing', data: { text: 'a\nb' } };
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      } finally {
        seen.sseEnded += 1;
      }
    }
    return sse(reply, this.streams, events, { heartbeatMs: 20 });
  }

  @Get('flood')
  flood(@Res({ passthrough: true }) reply: FastifyReply): AsyncIterable<string> {
    async function* events(signal: AbortSignal): AsyncGenerator<{ data: unknown }> {
      while (!signal.aborted) {
        seen.sseSent += 1;
        await turn();
        yield { data: 'x'.repeat(10_000) };
      }
    }
    return sse(reply, this.streams, events);
  }
}

@Controller('health')
class HealthController {
  @Get('live')
  live(): object {
    return { status: 'ok' };
  }
}

@Module({ controllers: [ThingsController, HealthController] })
class ThingsModule {}

const logged: Record<string, unknown>[] = [];

async function start(options: HttpOptions = {}): Promise<{ app: NestFastifyApplication; url: string; port: number }> {
  const app = await createHttpApp(ThingsModule, { log: { error: (fields) => logged.push(fields) }, ...options });
  await app.listen(0, '127.0.0.1');
  const url = (await app.getUrl()).replace('[::1]', '127.0.0.1');
  return { app, url, port: Number(new URL(url).port) };
}

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 20_000; !condition(); await wait(5)) {
    if (Date.now() > end) throw new Error('waited 20 s in vain');
  }
}

describe('the server', () => {
  let app: NestFastifyApplication;
  let url: string;
  let port: number;
  beforeAll(async () => ({ app, url, port } = await start({ openApi: { title: 'Things', version: '1' } })));
  afterAll(() => app.close());
  beforeEach(() => logged.splice(0));

  const post = (path: string, body: RequestInit['body'], headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${url}${path}`, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });
  const problem = async (response: Response): Promise<Problem> => {
    expect(response.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    const body = (await response.json()) as Problem;
    expect(body.status).toBe(response.status);
    expect(body.type).toBe(`/problems/${body.code.toLowerCase().replaceAll('_', '-')}`);
    return body;
  };
  const code = async (response: Response): Promise<string> => `${response.status} ${(await problem(response)).code}`;
  /** Sends what `fetch` would not, such as a foreign `Host`. */
  const raw = (headers: Record<string, string>, method = 'GET', path = '/v1/things'): Promise<number> =>
    new Promise((resolve, reject) => {
      httpRequest({ port, host: '127.0.0.1', method, path, headers }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
        .on('error', reject)
        .end();
    });
  const rawText = (text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      let answer = '';
      const socket = connect(port, '127.0.0.1', () => socket.write(text));
      socket
        .on('data', (chunk) => (answer += chunk.toString()))
        .on('close', () => resolve(answer))
        .on('error', reject);
    });

  describe('commands', () => {
    it('answer 201 with Location, ETag and Timeline-Position', async () => {
      const response = await post('/v1/things', '{"name":"Ann"}', {
        'Idempotency-Key': 'k-1',
        'If-Match': '"3"',
        'X-Actor': 'agent-7',
        'X-Correlation-Id': 'c-1',
      });
      expect(response.status).toBe(201);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        location: `/v1/things/${ID}`,
        etag: '"0"',
        'timeline-position': POSITION,
      });
      expect(await response.json()).toEqual({
        id: ID,
        revision: 0,
        position: POSITION,
        name: 'Ann',
        headers: { idempotencyKey: 'k-1', ifMatch: 3, caller: 'local', actor: 'agent-7', correlationId: 'c-1' },
      });
    });

    it('have a correlation of their own and no key where none is sent', async () => {
      const body = (await (await post('/v1/things', '{"name":"Ann"}')).json()) as { headers: CommandHeaders };
      expect(body.headers).toEqual({
        caller: 'local',
        actor: 'local',
        correlationId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      });
    });

    it.each([
      ['Idempotency-Key', ''],
      ['Idempotency-Key', 'a b'],
      ['Idempotency-Key', 'x'.repeat(201)],
      ['Idempotency-Key', 'é'],
      ['If-Match', '*'],
      ['If-Match', 'W/"3"'],
      ['If-Match', '3'],
      ['If-Match', '"3", "4"'],
      ['If-Match', '"-1"'],
      ['X-Actor', 'two words'],
    ])('refuse %s: %j', async (name, value) => {
      expect(await code(await post('/v1/things', '{"name":"Ann"}', { [name]: value }))).toBe('400 HEADER_MALFORMED');
    });

    it('answer a conflict with 409, and with 412 where a revision was asked for', async () => {
      const patch = (headers: Record<string, string>): Promise<Response> =>
        fetch(`${url}/v1/things/${ID}`, { method: 'PATCH', headers });
      expect(await code(await patch({}))).toBe('409 WRONG_EXPECTED_REVISION');
      const refused = await problem(await patch({ 'If-Match': '"2"' }));
      expect(refused).toMatchObject({ status: 412, code: 'PRECONDITION_FAILED', details: { expected: 2, actual: 3 } });
      const done = await patch({ 'If-Match': '"3"' });
      expect([done.status, done.headers.get('etag')]).toEqual([200, '"4"']);
    });
  });

  describe('a body', () => {
    it.each([
      ['{"name":"Ann"', '400 MALFORMED_JSON'],
      ['{"name":"Ann","name":"Bob"}', '400 DUPLICATE_KEY'],
      ['{"name":"A\\u0000"}', '400 TEXT_HOLDS_NUL'],
      ['{"name":"A\\ud800"}', '400 TEXT_NOT_UNICODE'],
      ['{"\\ud800":"A"}', '400 TEXT_NOT_UNICODE'],
      [`{"name":${'['.repeat(100)}`, '400 JSON_TOO_DEEP'],
      ['null', '422 VALIDATION_FAILED'],
      ['[]', '422 VALIDATION_FAILED'],
      ['[{"name":"Ann"}]', '422 VALIDATION_FAILED'],
      ['"Ann"', '422 VALIDATION_FAILED'],
      ['5', '422 VALIDATION_FAILED'],
      ['', '422 VALIDATION_FAILED'],
      ['{"name":null}', '422 VALIDATION_FAILED'],
      ['{"name":"Ann","toString":1}', '422 VALIDATION_FAILED'],
      ['{"name":"Ann","__proto__":{"a":1}}', '422 VALIDATION_FAILED'],
      ['{"name":"Ann","constructor":{"prototype":{"a":1}}}', '422 VALIDATION_FAILED'],
    ])('%j is answered %s', async (body, expected) => {
      expect(await code(await post('/v1/things', body))).toBe(expected);
    });

    it('that is not UTF-8 is refused', async () => {
      expect(await code(await post('/v1/things', new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d])))).toBe(
        '400 BODY_NOT_UTF8',
      );
    });

    it('is validated even where the parameter has a union type', async () => {
      expect(await code(await post('/v1/things/union', '"Ann"'))).toBe('422 VALIDATION_FAILED');
      expect(await code(await post('/v1/things/union', 'null'))).toBe('422 VALIDATION_FAILED');
      expect((await post('/v1/things/union', '{"name":"Ann"}')).status).toBe(201);
    });

    it('that is too large is answered 413, whether it says its length or not', async () => {
      const large = JSON.stringify({ name: 'x'.repeat(300_000) });
      expect(await code(await post('/v1/things', large))).toBe('413 BODY_TOO_LARGE');
      const chunked = await fetch(`${url}/v1/things`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: new Blob([large]).stream(),
        duplex: 'half',
      } as RequestInit).then(code, () => '413 BODY_TOO_LARGE');
      expect(chunked).toBe('413 BODY_TOO_LARGE');
    });

    it('may hold a long text', async () => {
      expect(
        (await post('/v1/things', JSON.stringify({ name: `${' '.repeat(90_000)}é${'\n'.repeat(50_000)}` }))).status,
      ).toBe(201);
    });

    it.each([
      'text/plain',
      'text/plain; charset=utf-8',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/merge-patch+json',
      'application/json; charset=utf-16',
      'application/x-ndjson',
      'nonsense',
    ])('of type %s is answered 415', async (type) => {
      expect(await code(await post('/v1/things', '{"name":"Ann"}', { 'content-type': type }))).toBe(
        '415 UNSUPPORTED_MEDIA_TYPE',
      );
    });

    it('points at what is wrong', async () => {
      const { errors, instance, detail } = await problem(await post('/v1/things', '{"name":5,"nmae":"Ann"}'));
      expect(errors).toEqual([
        { pointer: '/nmae', code: 'UNKNOWN_FIELD', detail: 'is not a field here; known are name' },
        { pointer: '/name', code: 'NOT_TEXT', detail: 'must be a string' },
      ]);
      expect(instance).toMatch(/^urn:uuid:/);
      expect(detail).toBe('/nmae is not a field here; known are name (and 1 more)');
    });
  });

  describe('reads', () => {
    it('take their parameters from the query, strictly', async () => {
      expect(await (await fetch(`${url}/v1/things?limit=5&open=true`)).json()).toEqual({ limit: 5, open: true });
      const refused = await problem(await fetch(`${url}/v1/things?limit=5&limit=6&page=1`));
      expect(refused.errors?.map(({ in: where, pointer, code: each }) => `${where} ${pointer} ${each}`)).toEqual([
        'query /limit REPEATED_PARAMETER',
        'query /page UNKNOWN_PARAMETER',
      ]);
      expect(await code(await fetch(`${url}/v1/things?cursor=%00`))).toBe('422 VALIDATION_FAILED');
    });

    it('take their parameters from the path, strictly', async () => {
      expect(await (await fetch(`${url}/v1/things/on/2024-02-29`)).json()).toEqual({ day: '2024-02-29' });
      expect(await code(await fetch(`${url}/v1/things/on/2023-02-29`))).toBe('422 VALIDATION_FAILED');
      expect(await code(await fetch(`${url}/v1/things/nobody`, { method: 'PATCH' }))).toBe('422 VALIDATION_FAILED');
    });

    it('answer 304 to who has it already', async () => {
      const first = await fetch(`${url}/v1/things/tagged`);
      expect(await first.json()).toEqual({ a: 1 });
      expect(first.headers.get('timeline-position')).toBe(POSITION);
      expect(first.headers.get('cache-control')).toBe('private, no-cache');
      const etag = first.headers.get('etag') ?? '';
      for (const tag of [etag, `"other", ${etag}`, etag.slice(2), '*']) {
        const again = await fetch(`${url}/v1/things/tagged`, { headers: { 'If-None-Match': tag } });
        expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', etag]);
      }
      expect((await fetch(`${url}/v1/things/tagged`, { headers: { 'If-None-Match': 'W/"other"' } })).status).toBe(200);
    });

    it('take a position of this log only', async () => {
      const at = (position: string): Promise<Response> =>
        fetch(`${url}/v1/things/at`, { headers: { 'Timeline-Position': position } });
      expect(await (await at(POSITION)).json()).toEqual({ position: POSITION });
      expect(await code(await at('7'))).toBe('400 POSITION_MALFORMED');
      expect(await code(await at('000000000000:1'))).toBe('400 POSITION_OF_ANOTHER_LOG');
      expect(await code(await at('a b'))).toBe('400 HEADER_MALFORMED');
    });
  });

  describe('errors', () => {
    it.each([
      ['CUSTOMER_NOT_FOUND', 404],
      ['IDENTITY_TAKEN', 409],
      ['SOURCE_ID_CONFLICT', 409],
      ['CASE_ALREADY_RATED', 409],
      ['CUSTOMER_ERASED', 410],
      ['IDEMPOTENCY_KEY_REUSED', 422],
      ['CASE_CLOSED', 422],
      ['CURSOR_EXPIRED', 410],
    ])('%s is answered %i', async (each, status) => {
      expect(await code(await fetch(`${url}/v1/things/fails/${each}`))).toBe(`${status} ${each}`);
    });

    it('that point into the request say so', async () => {
      const { errors } = await problem(await fetch(`${url}/v1/things/fails/REASON_REQUIRED`));
      expect(errors).toEqual([{ pointer: '/reason', code: 'REASON_REQUIRED', detail: 'refused as REASON_REQUIRED' }]);
    });

    it.each(['POSITION_NOT_REACHED', 'away'])('%s asks to try again later', async (each) => {
      const response = await fetch(`${url}/v1/things/fails/${each}`);
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
      const { status, detail } = await problem(response);
      expect(status).toBe(503);
      expect(detail).not.toContain('10.0.0.7');
    });

    it.each(['unknown', 'fault', 'string'])(
      'of the kind "%s" are answered without their text, and logged without it',
      async (each) => {
        const body = await problem(await fetch(`${url}/v1/things/fails/${each}`));
        expect(body).toMatchObject({ status: 500, code: 'INTERNAL_ERROR' });
        expect(JSON.stringify(body)).not.toMatch(/secret|ann@|damaged|bare/);
        expect(logged).toHaveLength(1);
        expect(body.instance).toBe(`urn:uuid:${String(logged[0]?.['requestId'])}`);
        expect(logged[0]?.['route']).toBe('/v1/things/fails/:how');
        expect(JSON.stringify(logged)).not.toMatch(/secret|ann@/);
      },
    );

    it('of the router and the parser are problems too', async () => {
      expect(await code(await fetch(`${url}/nowhere?email=ann@example.org`))).toBe('404 NOT_FOUND');
      expect(await (await fetch(`${url}/nowhere?email=ann@example.org`)).text()).not.toContain('ann@');
      expect(await code(await fetch(`${url}/v1/things`, { method: 'PUT' }))).toBe('404 NOT_FOUND');
      expect(await code(await fetch(`${url}/v1/things/%zz`))).toBe('400 BAD_REQUEST');
      expect(await code(await fetch(`${url}/v1/things/fails/${'x'.repeat(600)}`))).toBe('414 URI_TOO_LONG');
      expect(await rawText('GARBAGE\r\n\r\n')).toMatch(
        /^HTTP\/1.1 400 Bad Request\r\n[^]*application\/problem\+json[^]*"BAD_REQUEST"/,
      );
      expect(await rawText(`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)).toContain(
        '431 Request Header',
      );
    });
  });

  it('sends security headers with every answer, refusals included', async () => {
    for (const path of ['/health/live', '/nowhere', '/v1/things/%zz', '/openapi.json']) {
      const { headers } = await fetch(`${url}${path}`);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toContain("default-src 'self'");
      expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
      expect(headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  it('answers a command without a body with no content type at all', async () => {
    expect((await fetch(`${url}/v1/things/empty`, { method: 'DELETE' })).status).toBe(200);
  });

  describe('without keys, on this machine', () => {
    it.each(['localhost', '127.0.0.1', '127.8.9.1:80', '[::1]:8080', 'LOCALHOST'])(
      'answers to the name %s',
      async (host) => {
        expect(await raw({ host })).toBe(200);
      },
    );
    it.each(['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '10.0.0.1', 'a b'])(
      'does not answer to the name %j',
      async (host) => {
        expect(await raw({ host })).toBeGreaterThanOrEqual(400);
      },
    );
    it('does not answer to who names no host', async () => {
      expect(await rawText('GET /v1/things HTTP/1.0\r\n\r\n')).toContain('HOST_NOT_ALLOWED');
      expect(await rawText('GET /v1/things HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n')).toContain(
        'HOST_NOT_ALLOWED',
      );
    });
    it('takes no writes from pages of other sites', async () => {
      const own = `localhost:${port}`;
      const write = (headers: Record<string, string>): Promise<number> =>
        raw({ host: own, ...headers }, 'DELETE', '/v1/things/empty');
      expect(await write({})).toBe(200);
      expect(await write({ origin: `http://${own}`, 'sec-fetch-site': 'same-origin' })).toBe(200);
      expect(await write({ origin: 'https://evil.example' })).toBe(403);
      expect(await write({ origin: 'null' })).toBe(403);
      expect(await write({ origin: `http://localhost:${port + 1}` })).toBe(403);
      expect(await write({ 'sec-fetch-site': 'cross-site' })).toBe(403);
      expect(await write({ 'sec-fetch-site': 'same-site' })).toBe(403);
    });
  });

  describe('NDJSON', () => {
    it('answers 200 with one outcome a line, in the order of the lines', async () => {
      const lines = ['{"a":1}', '{"a":', '', `{"a":"${'x'.repeat(2000)}"}`, '"é"', '{"a":1,"a":2}'].join('\n');
      const response = await post('/v1/things/lines', lines, { 'content-type': 'application/x-ndjson' });
      expect([response.status, response.headers.get('content-type')]).toEqual([
        200,
        'application/x-ndjson; charset=utf-8',
      ]);
      const outcomes = (await response.text())
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as { line: number; problem?: Problem });
      expect(outcomes.map(({ line, problem: refused }) => `${line} ${refused?.code ?? 'ok'}`)).toEqual([
        '1 ok',
        '2 MALFORMED_JSON',
        '4 LINE_TOO_LONG',
        '5 ok',
        '6 DUPLICATE_KEY',
      ]);
    });

    it('has no limit of the body, only of the line', async () => {
      const body = '{"a":1}\n'.repeat(50_000);
      const response = await post('/v1/things/lines', body, { 'content-type': 'application/x-ndjson' });
      expect((await response.text()).split('\n')).toHaveLength(50_001);
    });

    it('answers an empty body with an empty list of outcomes', async () => {
      const response = await post('/v1/things/lines', '', { 'content-type': 'application/x-ndjson' });
      expect([response.status, await response.text()]).toEqual([200, '']);
    });

    it('is not JSON', async () => {
      expect(await code(await post('/v1/things/lines', '{}'))).toBe('415 UNSUPPORTED_MEDIA_TYPE');
    });

    it('stops reading while the client does not take the outcomes, and ends when it leaves', async () => {
      seen.linesRun = 0;
      const ended = seen.linesEnded;
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.pause();
      socket.write(
        'POST /v1/things/lines HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n',
      );
      const lines = `{"a":"${'x'.repeat(900)}"}\n`.repeat(100);
      const chunk = `${lines.length.toString(16)}\r\n${lines}\r\n`;
      let isBlocked = false;
      for (let sent = 0; sent < 3000 && !isBlocked; sent++) {
        if (socket.write(chunk)) continue;
        isBlocked = await Promise.race([
          new Promise<boolean>((resolve) => socket.once('drain', () => resolve(false))),
          wait(1_000, true, { ref: false }),
        ]);
      }
      expect(isBlocked).toBe(true);
      const before = seen.linesRun;
      expect(before).toBeGreaterThan(0);
      socket.destroy();
      await until(() => seen.linesEnded > ended);
      expect(seen.linesRun - before).toBeLessThan(5000);
    });

    it('tells an error after the first line in the last line', async () => {
      const response = await fetch(`${url}/v1/things/numbers`, { headers: { 'x-fail-at': '2' } });
      const lines = (await response.text())
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as object);
      expect(lines).toHaveLength(3);
      expect(lines[2]).toMatchObject({ problem: { code: 'THING_NOT_FOUND', status: 404 } });
    });

    it('answers an error before the first line with its own status', async () => {
      expect(await code(await fetch(`${url}/v1/things/numbers`, { headers: { 'x-fail-at': '0' } }))).toBe(
        '404 THING_NOT_FOUND',
      );
    });

    it('ends its source when the client leaves', async () => {
      const ended = seen.streamsEnded;
      const controller = new AbortController();
      const response = await fetch(`${url}/v1/things/numbers`, { signal: controller.signal });
      await response.body?.getReader().read();
      controller.abort();
      await until(() => seen.streamsEnded > ended);
    });
  });

  describe('server-sent events', () => {
    const readUntil = async (response: Response, enough: (text: string) => boolean): Promise<string> => {
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      let text = '';
      while (reader && !enough(text)) {
        const { done, value } = await reader.read();
        if (done) break;
        text += value;
      }
      return text;
    };

    it('are framed, go on after the last one seen, and beat while nothing happens', async () => {
      const controller = new AbortController();
      const response = await fetch(`${url}/v1/things/events`, {
        signal: controller.signal,
        headers: { 'Last-Event-ID': '0' },
      });
      expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
      const text = await readUntil(response, (soFar) => soFar.split(': still here').length > 3);
      expect(text.startsWith(': connected\n\nid: 1\nevent: thing\ndata: {"text":"a\\nb"}\n\nid: 2\n')).toBe(true);
      const ended = seen.sseEnded;
      controller.abort();
      await until(() => seen.sseEnded > ended);
      await until(() => app.get(SseRegistry).size === 0);
    });

    it('are asked for only as fast as the client takes them', async () => {
      seen.sseSent = 0;
      const socket = connect(port, '127.0.0.1');
      socket.pause();
      socket.write('GET /v1/things/flood HTTP/1.1\r\nHost: localhost\r\n\r\n');
      let before = -1;
      // Buffers of both sockets fill; then nothing more is asked for. Without a pull it would never stand still.
      while (before !== seen.sseSent) {
        before = seen.sseSent;
        await wait(300);
      }
      expect(seen.sseSent).toBeLessThan(5_000);
      socket.destroy();
      await until(() => app.get(SseRegistry).size === 0);
    });
  });
});

describe('keys', () => {
  const KEY = 'correct-horse';
  const apiKeys = `crm:${createHash('sha256').update(KEY).digest('hex')},other:${'0'.repeat(64)}`;

  it('are asked for everywhere but for /health/live', async () => {
    const { app, url } = await start({ apiKeys, openApi: { title: 'Things', version: '1' } });
    try {
      const status = async (path: string, authorization?: string): Promise<number> =>
        (await fetch(`${url}${path}`, { headers: authorization === undefined ? {} : { authorization } })).status;
      expect(await status('/health/live')).toBe(200);
      expect(await status('/health/live?x=1')).toBe(200);
      for (const path of [
        '/v1/things',
        '/openapi.json',
        '/nowhere',
        '/health/live/',
        '//health/live',
        '/v1/things/../../health/live/x',
      ]) {
        expect(`${path} ${await status(path)}`).toBe(`${path} 401`);
      }
      expect(await status('/v1/things', 'Bearer wrong')).toBe(401);
      expect(await status('/v1/things', 'Bearer ')).toBe(401);
      expect(await status('/v1/things', `Basic ${KEY}`)).toBe(401);
      expect(await status('/v1/things', `Bearer ${KEY}`)).toBe(200);
      const refused = await fetch(`${url}/v1/things`);
      expect(refused.headers.get('www-authenticate')).toBe('Bearer realm="timeline"');
      expect(refused.headers.get('x-content-type-options')).toBe('nosniff');
      expect(await refused.json()).toMatchObject({ code: 'UNAUTHENTICATED' });
    } finally {
      await app.close();
    }
  });

  it('name the caller', async () => {
    const { app, url } = await start({ apiKeys });
    try {
      const response = await fetch(`${url}/v1/things`, {
        method: 'POST',
        body: '{"name":"Ann"}',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}` },
      });
      expect(await response.json()).toMatchObject({ headers: { caller: 'crm', actor: 'crm' } });
    } finally {
      await app.close();
    }
  });

  it('are needed where others can reach the server', async () => {
    await expect(createHttpApp(ThingsModule, { host: '0.0.0.0' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(createHttpApp(ThingsModule, { host: '::' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    const app = await createHttpApp(ThingsModule, { host: '0.0.0.0', apiKeys });
    await app.close();
  });

  it.each(['crm', 'crm:abc', `local:${'0'.repeat(64)}`, `a b:${'0'.repeat(64)}`])(
    'are refused when written %j',
    async (keys) => {
      await expect(createHttpApp(ThingsModule, { apiKeys: keys })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    },
  );
});

describe('a request whose store hangs', () => {
  it('is answered in time, and a stream may last', async () => {
    const told: number[] = [];
    const { app, url } = await start({ answerWithinMs: 100, onAnswered: ({ status }) => told.push(status) });
    const ended = seen.sseEnded;
    let rest: Promise<string> | undefined;
    try {
      rest = (await fetch(`${url}/v1/things/events`)).text();
      const response = await fetch(`${url}/v1/things/overdue`);
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '2']);
      expect(await response.json()).toMatchObject({ code: 'STORE_UNAVAILABLE' });
      expect(seen.sseEnded).toBe(ended);
    } finally {
      await Promise.all([rest, app.close()]);
    }
    expect(told).toEqual([503, 200]);
  });

  it.each(['answer', 'refusal', 'fault', 'stream'])(
    'hears no more of it when it comes to a late %s',
    async (comesTo) => {
      const told: string[] = [];
      const { app, url } = await start({ answerWithinMs: 50, onAnswered: ({ status }) => told.push(String(status)) });
      const { port } = new URL(url);
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const get = (path: string, headers: Record<string, string> = {}): Promise<{ status?: number; local?: number }> =>
        new Promise((resolve, reject) => {
          const request = httpRequest({ port, path, agent, headers }, (response) => {
            const local = response.socket.localPort;
            response.resume().once('end', () => resolve({ status: response.statusCode, local }));
          });
          request.once('error', reject).end();
        });
      logged.splice(0);
      seen.released.splice(0);
      try {
        const late = await get('/v1/things/overdue', { 'x-comes-to': comesTo });
        expect(late.status).toBe(503);
        for (const release of seen.released.splice(0)) release();
        await wait(30);
        // The connection is whole, and what came of the request is not in the next one's answer.
        expect(await get('/v1/things/overdue')).toEqual({ status: 503, local: late.local });
        expect(await get('/health/live')).toEqual({ status: 200, local: late.local });
        expect(told).toEqual(['503', '503', '200']);
        expect(logged.map(({ code }) => code)).toEqual(comesTo === 'fault' ? ['THING_BROKEN'] : []);
      } finally {
        agent.destroy();
        await app.close();
      }
    },
  );

  it('has the time of its handler alone: that a body is long in coming is not counted', async () => {
    const { app, port } = await start({ answerWithinMs: 50 });
    try {
      const request = httpRequest({
        ...{ port, path: '/v1/things', method: 'POST' },
        headers: { 'content-type': 'application/json', 'content-length': '14' },
      });
      const status = new Promise((resolve, reject) => {
        request.once('response', (response) => resolve(response.resume().statusCode)).once('error', reject);
      });
      request.write('{"name":');
      await wait(120);
      request.end('"Ann"}');
      expect(await status).toBe(201);
    } finally {
      await app.close();
    }
  });
});

it('keeps idle connections longer than proxies do, who close theirs after a minute', async () => {
  const { app, url } = await start();
  const { headers } = await fetch(`${url}/health/live`);
  await app.close();
  expect(Number(/timeout=(\d+)/.exec(headers.get('keep-alive') ?? '')?.[1])).toBeGreaterThan(60);
});

describe('shutting down', () => {
  it('ends open streams, lets requests under way finish, and does not wait for idle connections', async () => {
    const { app, url } = await start();
    const ended = seen.sseEnded;
    const stream = await fetch(`${url}/v1/things/events`);
    const idle = await fetch(`${url}/health/live`);
    await idle.text();
    const [rest] = await Promise.all([stream.text(), app.close()]);
    expect(rest).toContain('id: 2');
    expect(seen.sseEnded).toBe(ended + 1);
    await expect(fetch(`${url}/health/live`)).rejects.toThrow();
  });

  it('cuts off what does not end by itself', async () => {
    const { app, url } = await start({ shutdownGraceMs: 50 });
    const response = await fetch(`${url}/v1/things/numbers`);
    const reader = response.body?.getReader();
    await reader?.read();
    await app.close();
    await expect(
      (async () => {
        while (!(await reader?.read())?.done);
      })(),
    ).rejects.toThrow();
  });

  it('tells about every answered request, by its pattern', async () => {
    const requests: string[] = [];
    const { app, url } = await start({
      onAnswered: ({ method, route, status }) => requests.push(`${method} ${route} ${status}`),
    });
    try {
      await fetch(`${url}/v1/things/on/2024-02-29`);
      await fetch(`${url}/nowhere`);
      await until(() => requests.length === 2);
      expect(requests).toEqual(['GET /v1/things/on/:day 200', 'GET unknown 404']);
    } finally {
      await app.close();
    }
  });
});

describe('whoever leaves before the end of an answer', () => {
  it('is told of, with what was answered by then', async () => {
    const told: unknown[] = [];
    const { app, url } = await start({
      onAnswered: ({ route, status, cutOff }) => told.push({ route, status, cutOff }),
    });
    try {
      const leaving = new AbortController();
      const stream = await fetch(`${url}/v1/things/events`, { signal: leaving.signal });
      await stream.body?.getReader().read();
      leaving.abort();
      await until(() => told.length === 1);
      await expect(fetch(`${url}/v1/things/overdue`, { signal: AbortSignal.timeout(100) })).rejects.toThrow();
      await until(() => told.length === 2);
      await fetch(`${url}/health/live`);
      await until(() => told.length === 3);
      expect(told).toEqual([
        { route: '/v1/things/events', status: 200, cutOff: true },
        { route: '/v1/things/overdue', status: 499, cutOff: true },
        { route: '/health/live', status: 200, cutOff: undefined },
      ]);
    } finally {
      await app.close();
    }
  });
});

describe('an application that cannot start', () => {
  @Injectable()
  class Opened implements OnModuleDestroy {
    static isClosed = false;
    onModuleDestroy(): void {
      Opened.isClosed = true;
    }
  }
  class Unsafe {
    name: string;
  }
  IsString()(Unsafe.prototype, 'name');
  @Controller()
  class UnsafeController {
    @Post()
    take(@StrictBody(Unsafe) _: Unsafe): void {}
  }
  @Module({ controllers: [UnsafeController], providers: [Opened] })
  class UnsafeModule {}

  it('says why, and closes what it had opened', async () => {
    const starting = createHttpApp(UnsafeModule, { openApi: { title: 'Unsafe', version: '1' } });
    await expect(starting).rejects.toMatchObject({ code: 'DTO_UNSAFE' });
    expect(Opened.isClosed).toBe(true);
  });
});
