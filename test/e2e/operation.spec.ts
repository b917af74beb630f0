/**
 * How the built product starts and stops: it finishes what it accepted, refuses what it must not touch and leaves it as it
 * was, and says what is wrong in words.
 */
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { RunningProduct } from '../support/running-product.js';

const JSON_TYPE = { 'content-type': 'application/json' };

describe('stopping with SIGTERM', () => {
  let product: RunningProduct;
  beforeAll(async () => (product = await RunningProduct.create({ DEMO: 'off' })));
  afterAll(() => product.dispose());

  it('finishes what was accepted: every acknowledged command is there after the next start', async () => {
    await product.start();
    const acknowledged = new Set<string>();
    const register = async (n: number): Promise<void> => {
      const response = await fetch(`${product.url}/v1/customers`, {
        method: 'POST',
        headers: JSON_TYPE,
        body: JSON.stringify({ kind: 'person', name: { full: `Single ${n}` } }),
      });
      if (response.status === 201) acknowledged.add(((await response.json()) as { id: string }).id);
      else expect(response.status).toBe(503);
    };
    const lines = Array.from({ length: 400 }, (_, n) =>
      JSON.stringify({
        id: `line-${n}`,
        type: 'RegisterCustomer',
        data: { kind: 'person', name: { full: `Line ${n}` } },
      }),
    );
    const bulk = async (): Promise<void> => {
      const response = await fetch(`${product.url}/v1/commands`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-ndjson' },
        body: lines.join('\n'),
      });
      for (const line of (await response.text()).trim().split('\n')) {
        const outcome = JSON.parse(line) as { status?: number; outcome?: { id: string } };
        if (outcome.outcome) acknowledged.add(outcome.outcome.id);
      }
    };
    const requests = [bulk(), ...Array.from({ length: 200 }, (_, n) => register(n))].map((request) =>
      // A connection that was not accepted any more has acknowledged nothing.
      request.catch((error: unknown) => expect((error as Error).message).toMatch(/fetch failed|terminated/)),
    );
    await product.until(() => acknowledged.size > 20, 'some are acknowledged');
    expect(await product.kill('SIGTERM')).toBe(0);
    await Promise.all(requests);

    await product.start();
    const stored = new Set<string>();
    for (let from = ''; ;) {
      const page = await fetch(
        `${product.url}/v1/events?types=CustomerRegistered&limit=1000${from && `&from=${from}`}`,
      );
      const { items, next } = (await page.json()) as { items: { data: { customerId: string } }[]; next?: string };
      for (const { data } of items) stored.add(data.customerId);
      if (items.length < 1000 || !next) break;
      from = next;
    }
    expect([...acknowledged].filter((id) => !stored.has(id))).toEqual([]);
    await product.verify();
  }, 120_000);
});

describe('starting on files that are not its own, or not whole', () => {
  let good: RunningProduct;
  beforeAll(async () => {
    good = await RunningProduct.create({ DEMO: 'off' });
    await good.start();
    await fetch(`${good.url}/v1/customers`, {
      method: 'POST',
      headers: JSON_TYPE,
      body: '{"kind":"person","name":{"full":"Ann"}}',
    });
    await good.kill('SIGTERM');
    for (const end of ['-wal', '-shm']) {
      for (const store of ['events', 'reads', 'keys'])
        await rm(path.join(good.folder, 'data', `${store}.db${end}`), { force: true });
    }
  });
  afterAll(() => good.dispose());

  const data = (product: RunningProduct, name: string): string => path.join(product.folder, 'data', name);
  const hashes = async (product: RunningProduct): Promise<Record<string, string>> => {
    const found: Record<string, string> = {};
    for (const name of (await readdir(data(product, '.'))).sort()) {
      found[name] = createHash('sha256')
        .update(await readFile(data(product, name)))
        .digest('hex');
    }
    return found;
  };

  it.each<[what: string, spoil: (product: RunningProduct) => Promise<void>, says: RegExp]>([
    [
      'a text file for the log',
      (product) => writeFile(data(product, 'events.db'), 'not a database, but somebody’s notes\n'.repeat(50)),
      /EVENT_STORE/,
    ],
    [
      'the read store’s file for the log',
      (product) => copyFile(data(product, 'reads.db'), data(product, 'events.db')),
      /EVENT_STORE/,
    ],
    ['a log that was cut off', (product) => truncate(data(product, 'events.db'), 5_000), /EVENT_STORE/],
    [
      'a log with a spoilt header',
      async (product) => {
        const bytes = await readFile(data(product, 'events.db'));
        bytes.fill(0xff, 0, 40);
        await writeFile(data(product, 'events.db'), bytes);
      },
      /EVENT_STORE/,
    ],
    [
      'a log of a newer version',
      async (product) => {
        const bytes = await readFile(data(product, 'events.db'));
        bytes.writeUInt32BE(999, 60);
        await writeFile(data(product, 'events.db'), bytes);
      },
      /EVENT_STORE.*newer/is,
    ],
    [
      'the log’s file for the read store',
      (product) => copyFile(data(product, 'events.db'), data(product, 'reads.db')),
      /READ_STORE/,
    ],
    [
      'the log’s file for the key store',
      (product) => copyFile(data(product, 'events.db'), data(product, 'keys.db')),
      /KEY_STORE/,
    ],
    ['no master key', (product) => rm(data(product, 'master.key')), /MASTER_KEY_MISSING/],
    [
      'another master key',
      (product) => writeFile(data(product, 'master.key'), Buffer.alloc(32, 7).toString('base64'), { mode: 0o600 }),
      /MASTER_KEY_WRONG/,
    ],
    ['a new key store beside an old log', (product) => rm(data(product, 'keys.db')), /KEY_STORE_NEW/],
  ])('says so and touches nothing: %s', async (_what, spoil, says) => {
    const product = await RunningProduct.create({ DEMO: 'off' });
    try {
      await mkdir(data(product, '.'));
      for (const name of ['events.db', 'reads.db', 'keys.db', 'master.key'])
        await copyFile(data(good, name), data(product, name));
      await spoil(product);
      const before = await hashes(product);
      product.spawn();
      expect(await product.exited()).toBe(1);
      expect(product.log).toMatch(says);
      expect(product.log).not.toMatch(/\n\s+at /);
      const after = await hashes(product);
      // A key store that is not there may be made; nothing that was there may change.
      for (const [name, hash] of Object.entries(before)) expect({ name, hash: after[name] }).toEqual({ name, hash });
    } finally {
      await product.dispose();
    }
  });
});

describe('the configuration', () => {
  const ended = async (env: NodeJS.ProcessEnv): Promise<string> => {
    const product = await RunningProduct.create({ DEMO: 'off', ...env });
    try {
      product.spawn();
      expect(await product.exited()).toBe(1);
      expect(await readdir(product.folder)).toEqual([]);
      return product.log;
    } finally {
      await product.dispose();
    }
  };

  it('is refused with everything that is wrong at once, before anything is made', async () => {
    const log = await ended({
      ROLES: 'cook',
      EVENT_STORE_URL: 'postgres://u:secret@h/db',
      REPORTING_TIME_ZONE: 'Mars',
    });
    for (const name of ['ROLES', 'EVENT_STORE_URL', 'REPORTING_TIME_ZONE']) expect(log).toContain(name);
    expect(log).not.toContain('secret');
  });

  it('does not let others in without keys', async () => {
    const product = await RunningProduct.create({ DEMO: 'off', HOST: '0.0.0.0' });
    product.spawn();
    expect(await product.exited()).toBe(1);
    expect(product.log).toContain('API_KEYS');
    await product.dispose();
  });

  it('with keys lets in who has one, and lets everybody see that it is alive', async () => {
    const key = 'a-key-that-nobody-guesses';
    const product = await RunningProduct.create({
      DEMO: 'off',
      API_KEYS: `shop:${createHash('sha256').update(key).digest('hex')}`,
    });
    try {
      await product.start();
      const get = (at: string, bearer?: string): Promise<Response> =>
        fetch(`${product.url}${at}`, bearer ? { headers: { authorization: `Bearer ${bearer}` } } : {});
      for (const bearer of [undefined, 'wrong']) {
        const refused = await get('/v1/segments', bearer);
        expect(refused.status).toBe(401);
        expect(refused.headers.get('www-authenticate')).toMatch(/^Bearer/);
        expect(await refused.json()).toMatchObject({ status: 401 });
      }
      expect((await get('/v1/segments', key)).status).toBe(200);
      expect((await get('/health/live')).status).toBe(200);
      expect((await get('/')).status).toBe(200);
      expect((await get('/metrics')).status).toBe(401);
    } finally {
      await product.dispose();
    }
  });
});

describe('two processes on the same embedded files', () => {
  let whole: RunningProduct;
  afterAll(() => whole.dispose());

  it('see each other’s commands and lose none', async () => {
    whole = await RunningProduct.create({ DEMO: 'off' });
    await whole.start();
    const second = await RunningProduct.create({ DEMO: 'off' });
    const at = (name: string): string => path.join(whole.folder, 'data', name);
    try {
      await second.start({
        EVENT_STORE_URL: `sqlite:${at('events.db')}`,
        READ_STORE_URL: `sqlite:${at('reads.db')}`,
        KEY_STORE_URL: `sqlite:${at('keys.db')}`,
        MASTER_KEY_FILE: at('master.key'),
        ROLES: 'commands,queries',
      });
      const post = async (url: string, body: object): Promise<{ id: string; position: string }> => {
        const response = await fetch(url, { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(body) });
        expect(response.status).toBe(201);
        return (await response.json()) as { id: string; position: string };
      };
      const { id } = await post(`${second.url}/v1/customers`, { kind: 'person', name: { full: 'Ann' } });
      const contacts = await Promise.all(
        Array.from({ length: 100 }, (_, n) =>
          post(`${(n % 2 ? whole : second).url}/v1/interactions`, {
            customer: { customerId: id },
            channel: 'phone',
            direction: 'inbound',
            kind: 'call',
          }),
        ),
      );
      const last =
        contacts
          .map(({ position }) => position)
          .sort()
          .at(-1) ?? '';
      for (const { url } of [whole, second]) {
        const page = await fetch(`${url}/v1/customers/${id}/timeline?limit=200`, {
          headers: { 'timeline-position': last },
        });
        expect(((await page.json()) as { items: unknown[] }).items).toHaveLength(101);
      }
      await whole.verify();
    } finally {
      await second.dispose();
    }
  }, 120_000);
});
