/**
 * The built product as an operator runs it: keys, roles, the command line beside it, a stop in the middle of work, and
 * starts that must fail, say what to do, and leave every file as it was.
 */
import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { existsSync, openSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import Libsql from 'libsql';
import { RunningProduct, type CliResult } from '../support/running-product.js';
import { isOnServers, openStores } from '../support/stores.js';
import { Api, linesOf, sideBySide, type Answer, type Json, type LineOutcome, type Outcome } from './api.js';

const KEY = 'the-key-of-the-crm';
const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
/** Embedded files can be spoiled here, a server's cannot; what is no matter of stores is tested once. */
const describeWithFiles: (name: string, tests: () => void) => void = isOnServers ? () => undefined : describe;
const env = { DEMO: 'off', API_KEYS: `crm:${sha256(KEY)},other:${sha256('another-key')}` };

let product: RunningProduct;
let api: Api;
let customerId: string;

beforeAll(async () => {
  product = await RunningProduct.create(env, openStores);
  await product.start();
  api = new Api(product.url, undefined, { authorization: `Bearer ${KEY}` });
  ({ id: customerId } = await api.register({
    name: { full: 'Oda Operator' },
    identities: [{ kind: 'email', value: 'oda@operation.example' }],
    occurredAt: '2024-05-01T00:00:00Z',
  }));
  await api.post(`/v1/loyalty/${customerId}/earnings`, {
    points: 5,
    reason: 'start',
    occurredAt: '2024-06-01T00:00:00Z',
  });
});
afterAll(() => product.dispose());

describe('with API_KEYS', () => {
  it.each([
    ['no key', undefined],
    ['a wrong key', 'Bearer wrong'],
    ['the hash of a key', `Bearer ${sha256(KEY)}`],
    ['the name of a key', 'Bearer crm'],
    ['another scheme', `Basic ${Buffer.from(`crm:${KEY}`).toString('base64')}`],
    ['an empty key', 'Bearer '],
  ])('%s is answered 401, and nothing is written', async (_what, authorization) => {
    const head = await api.head();
    const anybody = new Api(product.url, undefined, authorization === undefined ? {} : { authorization });
    for (const [method, address] of [
      ['GET', `/v1/customers/${customerId}`],
      ['GET', '/v1/events/stream'],
      ['GET', '/openapi.json'],
      ['GET', '/health/ready'],
      ['GET', '/metrics'],
      ['POST', '/v1/customers'],
      ['GET', '/v1/nothing'],
    ] as const) {
      const answer = await anybody.send(method, address, method === 'POST' ? { json: { kind: 'person' } } : {});
      expect([address, answer.status, answer.body['code']]).toEqual([address, 401, 'UNAUTHENTICATED']);
      expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
      expect(answer.headers.get('www-authenticate')).toContain('Bearer');
    }
    expect(await api.writtenSince(head)).toEqual([]);
  });

  it('everything works with a key, and the log says whose it was', async () => {
    const other = new Api(product.url, undefined, { authorization: 'bearer another-key' });
    const mine = await api.register();
    const theirs = await other.register();
    const actors = (await api.events('&types=CustomerRegistered')).map(({ data, metadata }) => [
      data['customerId'],
      metadata['actor'],
    ]);
    expect(actors).toEqual(
      expect.arrayContaining([
        [mine.id, 'crm'],
        [theirs.id, 'other'],
      ]),
    );
    // The same key of a command is another command when somebody else sends it.
    const send = (by: Api): Promise<Outcome> =>
      by.post('/v1/customers', { kind: 'person' }, { 'idempotency-key': 'of-both' });
    expect((await send(api)).id).not.toBe((await send(other)).id);
    expect((await send(api)).id).toBe((await send(api)).id);
  });

  it('whether it lives is for everybody, and so is the page', async () => {
    const anybody = new Api(product.url);
    expect(await anybody.read('/health/live')).toEqual({ status: 'alive' });
    const page = await anybody.send('GET', '/');
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
  });

  it('the key stands in no answer and in no log line', () => {
    expect(product.log).not.toContain(KEY);
  });
});

describe('the command line beside the running product', () => {
  const results = new Map<string, CliResult>();
  const file = (): string => path.join(product.folder, 'commands.ndjson');
  const IN_WORDS = new Set(['status', 'replay', 'parked', 'verify']);
  const runs: Record<string, () => string[]> = {
    status: () => ['status'],
    replay: () => ['replay', '--customer', customerId],
    'replay of a range': () => ['replay', '--from', '2024-05-15T00:00:00Z', '--to', '2024-07-01T00:00:00Z'],
    'replay with personal data': () => [
      'replay',
      '--personal',
      '--customer',
      customerId,
      '--type',
      'CustomerRegistered',
    ],
    parked: () => ['parked'],
    verify: () => ['verify', 'timeline', 'profile'],
    compare: () => ['compare', 'surveys'],
    'import commands': () => ['import', 'commands', file(), '--source', 'erp'],
  };
  const resultOf = (name: string): CliResult => {
    const result = results.get(name);
    if (!result) throw new Error(`${name} did not run`);
    return result;
  };
  const jsonOf = (name: string): Json => JSON.parse(resultOf(`${name} --json`).out) as Json;

  beforeAll(async () => {
    await writeFile(
      file(),
      [
        { id: 'e1', type: 'RegisterCustomer', data: { kind: 'person', name: { full: 'Imported' } } },
        { id: 'e2', type: 'RegisterCustomer', data: { kind: 'alien' } },
        { id: 'e3', type: 'EarnPoints', data: { customer: { customerId }, points: 7, reason: 'erp' } },
      ]
        .map((line) => `${JSON.stringify(line)}\n`)
        .join(''),
    );
    // The import is last, in words first and then as JSON, since it changes what the others see.
    const { 'import commands': imports, ...looks } = runs;
    const calls = Object.entries(looks).flatMap(([name, args]): [string, string[]][] => [
      ...(IN_WORDS.has(name) ? [[name, args()] satisfies [string, string[]]] : []),
      [`${name} --json`, ['--json', ...args()]],
    ]);
    await sideBySide(calls, 2, async ([name, args]) => results.set(name, await product.cli(...args)));
    results.set('import commands', await product.cli(...(imports?.() ?? [])));
    results.set('import commands --json', await product.cli('--json', ...(imports?.() ?? [])));
  }, 120_000);

  it('tells the head of the log, the builds and what is parked', async () => {
    const { out, err, code } = resultOf('status');
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^head [0-9a-f]{12}:[\d.]+, recorded /);
    expect(out).toMatch(/\ntimeline +timeline-[0-9a-f]+ \(live\) +\d+ +fed/);
    const status = jsonOf('status') as { head: { position: string }; builds: Json[]; parked: number };
    expect(status.parked).toBe(0);
    const inHealth = (await api.read<{ projections: Json[] }>('/health/ready')).projections;
    expect(status.builds.map(({ build }) => build).sort()).toEqual(inHealth.map(({ build }) => build).sort());
    expect(
      status.builds.every(({ live, caughtUp, parked }) => live === true && caughtUp === true && parked === 0),
    ).toBe(true);
  });

  it('replays the log, one event a line, personal data only when asked for', () => {
    const { out, code } = resultOf('replay');
    expect(code).toBe(0);
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => line.split('  ')[2]),
    ).toEqual(['CustomerRegistered', 'PointsEarned']);
    expect(out).not.toContain('Oda');
    const lines = resultOf('replay --json').out.trim().split('\n');
    const events = lines.map((line) => JSON.parse(line) as Json & { metadata: Json });
    expect(events.map(({ type }) => type)).toEqual(['CustomerRegistered', 'PointsEarned']);
    expect(events.every(({ metadata }) => metadata['customerId'] === customerId)).toBe(true);
    const personal = JSON.parse(resultOf('replay with personal data --json').out) as Json;
    expect(personal['personal']).toMatchObject({ name: { full: 'Oda Operator' } });
    const range = resultOf('replay of a range --json').out.trim().split('\n');
    expect(range.map((line) => (JSON.parse(line) as Json)['type'])).toEqual(['PointsEarned']);
  });

  it('lists what is parked', () => {
    expect(resultOf('parked')).toEqual({ code: 0, out: 'nothing is parked\n', err: '' });
    expect(jsonOf('parked')).toEqual({ parked: [], total: 0 });
  });

  it('verifies read models', () => {
    const { out, code } = resultOf('verify');
    expect([code, out.trim().split('\n').at(-1)]).toEqual([0, 'no difference']);
    const verified = jsonOf('verify') as { equal: boolean; reports: Json[] };
    expect(verified.equal).toBe(true);
    expect(verified.reports.map(({ projection }) => projection)).toEqual(['timeline', 'profile']);
  });

  it('compares two builds of a projection, once there are two', async () => {
    expect(resultOf('compare --json')).toMatchObject({ code: 1, out: '' });
    expect(JSON.parse(resultOf('compare --json').err)).toMatchObject({ error: { code: 'NOTHING_TO_COMPARE' } });
    const { code, out } = await product.cli('rebuild', 'surveys');
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/^surveys: build \S+ is live, .*timeline rollback surveys\n$/),
    ]);
    const compared = await product.cli('compare', 'surveys', '--limit', '5');
    expect(compared).toMatchObject({ code: 0, err: '' });
    expect(compared.out).toMatch(/^surveys: \S+ \(version \d+, at \S+\), which is read, and \S+/);
    expect(compared.out).toMatch(/\ndocuments +0 +0 +0 +0\n/);
    expect((await product.cli('compare', 'surveys', '--limit', '0')).code).toBe(1);
  }, 60_000);

  it('imports commands once, names the bad line, and the running product sees them', async () => {
    const first = resultOf('import commands');
    expect(first.code).toBe(1);
    expect(first.out).toMatch(/^2 commands recorded, 0 had been before, 1 failed\nline 2: \/data\/kind must be one of/);
    expect(resultOf('import commands --json').code).toBe(1);
    expect(jsonOf('import commands')).toMatchObject({
      recorded: 0,
      resent: 2,
      failed: 1,
      problems: [{ line: 2, id: 'e2', status: 422, problem: { code: 'VALIDATION_FAILED' } }],
    });
    const head = (await api.head()) ?? '';
    expect(await api.read(`/v1/loyalty/${customerId}`, head)).toMatchObject({ balance: 12 });
    expect(await api.read('/v1/customers?q=imported', head)).toMatchObject({ items: [{ name: { full: 'Imported' } }] });
  });
});

describe('SIGTERM in the middle of work', () => {
  const COMMANDS = 200;
  const LINES = 400;
  const command = (index: number): { json: Json; headers: Record<string, string> } => ({
    json: { kind: 'person', region: 'sigterm' },
    headers: { 'idempotency-key': `stop-${index}` },
  });
  const line = (index: number): string =>
    `${JSON.stringify({ id: `stop-line-${index}`, type: 'RegisterCustomer', data: { kind: 'company', region: 'sigterm' } })}\n`;

  /** Sends lines little by little, as a slow client does; answers with what came back until the end or the cut. */
  function streamLines(onOutcome: (outcome: LineOutcome) => void): Promise<string> {
    return new Promise((resolve) => {
      const sending = request(
        `${product.url}/v1/commands?source=slow`,
        { method: 'POST', headers: { 'content-type': 'application/x-ndjson', authorization: `Bearer ${KEY}` } },
        (response) => {
          let text = '';
          response.on('data', (chunk: Buffer) => {
            text += chunk.toString();
            const whole = text.lastIndexOf('\n') + 1;
            linesOf(text.slice(0, whole)).forEach(onOutcome);
            text = text.slice(whole);
          });
          response.on('close', () => resolve(response.complete ? 'answered in full' : 'cut off'));
          response.on('error', () => undefined);
        },
      );
      sending.on('error', () => resolve('cut off'));
      void (async () => {
        for (let index = 0; index < LINES && !sending.destroyed; index += 5) {
          for (let at = index; at < index + 5; at += 1) sending.write(line(at));
          await new Promise((next) => setTimeout(next, 5));
        }
        sending.end();
      })();
    });
  }

  it('loses nothing that was acknowledged, ends with 0 and leaves the port', async () => {
    const acknowledged = new Set<string>();
    const byLine = new Map<number, string>();
    const refusals: string[] = [];
    let stopped: Promise<number | null> | undefined;
    const stopOnce = (): void => {
      if (acknowledged.size >= 40 && byLine.size >= 40) stopped ??= product.kill('SIGTERM');
    };
    const streaming = streamLines((outcome) => {
      if (outcome.status === 200 && outcome.outcome) byLine.set(outcome.line, outcome.outcome.id);
      stopOnce();
    });
    await sideBySide(
      Array.from({ length: COMMANDS }, (_, index) => index),
      10,
      async (index) => {
        const answer = await api
          .send<Outcome>('POST', '/v1/customers', command(index))
          .catch((error: unknown): Answer<Outcome> | undefined => void refusals.push(String(error)));
        if (answer?.status === 201) acknowledged.add(answer.body.id);
        else if (answer) refusals.push(`${answer.status} ${JSON.stringify(answer.body)}`);
        stopOnce();
        // So that the lines, which come slowly, are under way too when it stops.
        if (!stopped) await new Promise((resolve) => setTimeout(resolve, 10));
      },
    );
    expect([await stopped, product.log]).toEqual([0, expect.stringContaining('"msg":"stopping')]);
    expect(['answered in full', 'cut off']).toContain(await streaming);
    expect(acknowledged.size + byLine.size).toBeLessThan(COMMANDS + LINES);
    // What was not carried out was told so, or not answered at all.
    for (const refusal of refusals) expect(refusal).toMatch(/^503 .*SHUTTING_DOWN|fetch failed|terminated/);
    expect(product.log).not.toMatch(/"level":50|"level":60/);

    product.log = '';

    await new Promise<void>((resolve, reject) => {
      const probe = createServer();
      probe.once('error', reject);
      probe.listen(product.port, '127.0.0.1', () => probe.close(() => resolve()));
    });

    await product.start();
    const registered = async (): Promise<string[]> =>
      (await api.events('&types=CustomerRegistered'))
        .filter(({ data }) => data['region'] === 'sigterm')
        .map(({ data }) => String(data['customerId']));
    const there = new Set(await registered());
    expect([...acknowledged, ...byLine.values()].filter((id) => !there.has(id))).toEqual([]);
    await product.verify();

    // Sent again, all go through, and what had been carried out is known again.
    const again = await sideBySide(
      Array.from({ length: COMMANDS }, (_, index) => index),
      10,
      async (index) => api.send<Outcome>('POST', '/v1/customers', command(index)),
    );
    expect(again.every(({ status }) => status === 201)).toBe(true);
    const lines = await api.rawLines(Array.from({ length: LINES }, (_, index) => line(index)).join(''), 'slow');
    expect(lines.every(({ status }) => status === 200)).toBe(true);
    for (const [number, id] of byLine) expect(lines[number - 1]?.outcome).toMatchObject({ id, resent: true });
    const all = await registered();
    expect(all).toHaveLength(COMMANDS + LINES);
    expect(new Set(all).size).toBe(COMMANDS + LINES);
  }, 120_000);

  it('sent a second time, as npm does that passes on what the terminal has sent, cuts nothing off', async () => {
    // A client that is slow to send on: it is waited for, within bounds.
    const held = request(`${product.url}/v1/commands?source=held`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson', authorization: `Bearer ${KEY}` },
    });
    held.on('error', () => undefined);
    const outcomes: LineOutcome[] = [];
    const answered = new Promise<boolean>((resolve) =>
      held.on('response', (response) => {
        response.on('data', (chunk: Buffer) => outcomes.push(...linesOf(chunk.toString())));
        response.on('close', () => resolve(response.complete));
      }),
    );
    held.write(line(LINES));
    await product.until(() => outcomes.length === 1, 'the first line is answered');
    const ended = product.kill('SIGTERM');
    await product.until(() => product.log.includes('"msg":"stopping'), 'it is stopping');
    process.kill(product.pid, 'SIGTERM');
    process.kill(product.pid, 'SIGINT');
    held.end(line(LINES + 1));
    expect(await answered).toBe(true);
    expect(await ended).toBe(0);
    await product.start();
    const registered = (await api.events('&types=CustomerRegistered')).map(({ data }) => data['customerId']);
    expect(outcomes.map(({ outcome }) => registered.includes(outcome?.id))).toEqual([true, true]);
  });

  it('ends open event streams', async () => {
    const open = await fetch(`${product.url}/v1/events/stream`, { headers: { authorization: `Bearer ${KEY}` } });
    const reading = open.text();
    expect(await product.kill('SIGTERM')).toBe(0);
    expect(await reading.then((text) => text.startsWith(': connected'))).toBe(true);
  });
});

describe('a log that nobody can write', () => {
  const lacked = existsSync('/dev/full') ? undefined : 'there is no /dev/full here';
  if (lacked) process.stderr.write(`A log on a full disk was not tested: ${lacked}.\n`);

  (lacked ? it.skip : it)('stops neither the product nor its stop', async () => {
    product.spawn({}, openSync('/dev/full', 'w'));
    await product.until(() => product.serves(), 'it answers');
    const { position } = await api.post(`/v1/loyalty/${customerId}/earnings`, { points: 1, reason: 'unheard' });
    // Until it can be read: a stop finishes what was accepted, and leaves read models where they are.
    await api.read(`/v1/loyalty/${customerId}`, position);
    expect(await product.kill('SIGTERM')).toBe(0);
  });
});

describe('ROLES=queries', () => {
  it('answers reads and has no command routes', async () => {
    await product.start({ ROLES: 'queries' });
    expect(await api.read(`/v1/loyalty/${customerId}`)).toMatchObject({ balance: 13 });
    const { paths } = await api.read<{ paths: Record<string, Json> }>('/openapi.json');
    // A search by a whole record is a read with a body.
    expect(
      Object.entries(paths)
        .flatMap(([address, methods]) => Object.keys(methods).map((method) => `${method} ${address}`))
        .filter((route) => !route.startsWith('get ')),
    ).toEqual(['post /v1/standards/{field}/check', 'post /v1/customers/duplicates/search']);
    for (const [method, address] of [
      ['POST', '/v1/customers'],
      ['PATCH', `/v1/customers/${customerId}`],
      ['DELETE', `/v1/customers/${customerId}`],
      ['POST', '/v1/commands'],
      ['PUT', '/v1/surveys/x'],
    ] as const) {
      const answer = await api.send(method, address, method === 'DELETE' ? {} : { json: {} });
      expect([method, address, answer.status, answer.body['code']]).toEqual([method, address, 404, 'NOT_FOUND']);
    }
    expect(await api.read('/health/ready')).toMatchObject({ status: 'green', roles: ['queries'], projections: [] });
    expect(await product.kill('SIGTERM')).toBe(0);
  });
});

interface FailedStart {
  code: number | null;
  log: string;
  /** Names with hashes of what is in the data folder. */
  before: Record<string, string>;
  after: Record<string, string>;
}

async function hashes(folder: string): Promise<Record<string, string>> {
  const names = await readdir(folder).catch(() => []);
  const found: Record<string, string> = {};
  for (const name of names.sort()) found[name] = sha256(await readFile(path.join(folder, name)));
  return found;
}

/** Starts the product in a folder of its own, on a copy of a stopped one's files that `change` has been at. */
async function startsAndFails(
  environment: NodeJS.ProcessEnv,
  change?: (folder: string) => Promise<void>,
): Promise<FailedStart> {
  const failing = await RunningProduct.create({ DEMO: 'off', ...environment });
  try {
    const data = path.join(failing.folder, 'data');
    if (change) {
      await mkdir(data);
      for (const name of ['events.db', 'reads.db', 'keys.db', 'master.key'])
        await cp(path.join(product.folder, 'data', name), path.join(data, name));
      await change(data);
    }
    const before = await hashes(data);
    failing.spawn();
    const code = await failing.exited();
    // The last words may still be on their way through the pipe.
    await new Promise((resolve) => setTimeout(resolve, 50));
    return { code, log: failing.log, before, after: await hashes(data) };
  } finally {
    await failing.dispose();
  }
}

describeWithFiles('a start on files that are not as they should be', () => {
  const at = (folder: string, name: string): string => path.join(folder, name);
  const spoil = async (file: string, change: (bytes: Buffer) => void): Promise<void> => {
    const bytes = await readFile(file);
    change(bytes);
    await writeFile(file, bytes);
  };
  /** What is done to the files, and what the operator is told. */
  const CASES: Record<string, [change: (folder: string) => Promise<void>, message: RegExp]> = {
    'a damaged event file': [
      (folder) => spoil(at(folder, 'events.db'), (bytes) => bytes.fill(0xa5, 4096, 12_288)),
      /^EVENT_STORE_DAMAGED: the event store .*events\.db is damaged .*restore it from a backup/m,
    ],
    'a truncated event file': [
      (folder) => truncate(at(folder, 'events.db'), 5_000),
      /^EVENT_STORE_DAMAGED: .*restore it from a backup/m,
    ],
    'a text file as event file': [
      (folder) => writeFile(at(folder, 'events.db'), 'id,name\n1,one\n'.repeat(500)),
      /^EVENT_STORE_FOREIGN: .*no SQLite database.*name another file, or move it away/m,
    ],
    'the SQLite file of another program as event file': [
      async (folder) => {
        await rm(at(folder, 'events.db'));
        const db = new Libsql(at(folder, 'events.db'));
        db.exec('CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES (1)');
        db.close();
      },
      /^EVENT_STORE_FOREIGN: .*name another file, or move it away/m,
    ],
    'an event file of a newer version': [
      (folder) => spoil(at(folder, 'events.db'), (bytes) => bytes.writeInt32BE(99, 60)),
      /^EVENT_STORE_TOO_NEW: .*start that version, or a newer one/m,
    ],
    'a read store of a newer version': [
      (folder) => spoil(at(folder, 'reads.db'), (bytes) => bytes.writeInt32BE(99, 60)),
      /^READ_STORE_TOO_NEW: .*start that version, or a newer one/m,
    ],
    'a damaged key store': [
      (folder) => spoil(at(folder, 'keys.db'), (bytes) => bytes.fill(0, 4096, 8192)),
      /^KEY_STORE_DAMAGED: .*restore it from a backup/m,
    ],
    'no master key beside the stores': [
      (folder) => rm(at(folder, 'master.key')),
      /^MASTER_KEY_MISSING: .*restore the file from its backup, or correct MASTER_KEY_FILE/m,
    ],
    'another master key': [
      (folder) => writeFile(at(folder, 'master.key'), `${Buffer.alloc(32, 7).toString('base64')}\n`, { mode: 0o600 }),
      /^[A-Z_]+: .*master key/m,
    ],
    'no key store beside the event file': [
      (folder) => rename(at(folder, 'keys.db'), at(folder, 'elsewhere.db')),
      /^KEY_STORE_MISSING: .*restore the key store from its backup, or correct KEY_STORE_URL/m,
    ],
    'no event file beside the key store': [
      (folder) => rename(at(folder, 'events.db'), at(folder, 'elsewhere.db')),
      /^EVENT_STORE_MISSING: .*restore the event store from its backup, or correct EVENT_STORE_URL/m,
    ],
  };
  const starts = new Map<string, FailedStart>();
  beforeAll(async () => {
    await sideBySide(Object.entries(CASES), 2, async ([name, [change]]) =>
      starts.set(name, await startsAndFails({}, change)),
    );
  }, 120_000);

  it.each(Object.keys(CASES))('%s fails, says what to do, and leaves all files as they were', (name) => {
    const start = starts.get(name);
    expect(start?.log).toMatch(CASES[name]?.[1] ?? /^$/);
    expect(start?.log).not.toMatch(/^\s+at /m);
    expect(start?.code).not.toBe(0);
    expect(start?.code).not.toBeNull();
    expect(start?.after).toEqual(start?.before);
  });
});

describeWithFiles('a start with a configuration that cannot be used', () => {
  it('is refused with all that is wrong at once, and makes no file', async () => {
    const start = await startsAndFails({
      PORT: 'http',
      ROLES: 'commands,cooking',
      LOG_LEVEL: 'loud',
      REPORTING_TIME_ZONE: 'Mars/Olympus',
      DEFAULT_PHONE_REGION: 'usa',
      DEMO: 'maybe',
      EVENT_STORE_URL: 'postgres://user:hunter2@db/events',
      READ_STORE_URL: 'reads.db',
      KEY_STORE_URL: 'http://keys',
      BROKER_URL: 'amqp://broker',
      API_KEYS: 'crm:not-a-hash',
      MASTER_KEY_FILE: '/',
      STOP_WITHIN_SECONDS: 'soon',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_TRACES_SAMPLER: 'sometimes',
    });
    expect(start.code).toBe(1);
    const names = [...start.log.matchAll(/^ {2}- (\w+)/gm)].map(([, name]) => name);
    expect(names.sort()).toEqual(
      [
        'PORT',
        'ROLES',
        'LOG_LEVEL',
        'REPORTING_TIME_ZONE',
        'DEFAULT_PHONE_REGION',
        'DEMO',
        'EVENT_STORE_URL',
        'READ_STORE_URL',
        'KEY_STORE_URL',
        'BROKER_URL',
        'API_KEYS',
        'MASTER_KEY_FILE',
        'STOP_WITHIN_SECONDS',
        'OTEL_EXPORTER_OTLP_ENDPOINT',
        'OTEL_EXPORTER_OTLP_PROTOCOL',
        'OTEL_TRACES_SAMPLER',
      ].sort(),
    );
    expect(start.log).toMatch(/^CONFIG_INVALID: /m);
    expect(start.log).toMatch(/^ {2}- READ_STORE_URL must be like sqlite:\.\/data\/reads\.db or mongodb:/m);
    expect(start.log).not.toContain('hunter2');
    expect(start.after).toEqual({});
  });

  it('is refused on a port that is taken, and says how to name another', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const start = await startsAndFails({ PORT: String((taken.address() as AddressInfo).port) });
    await new Promise((resolve) => taken.close(resolve));
    expect(start.code).toBe(1);
    expect(start.log).toMatch(/^EADDRINUSE: .*set PORT to another$/m);
  });

  it('is refused on a host that others reach when there are no keys, and makes no file', async () => {
    const start = await startsAndFails({ HOST: '0.0.0.0' });
    expect(start.code).toBe(1);
    expect(start.log).toMatch(
      /^CONFIG_INVALID: .*\n {2}- HOST is 0\.0\.0\.0.*set API_KEYS=name:sha256hex, or HOST=127\.0\.0\.1/m,
    );
    expect(start.after).toEqual({});
  });
});
