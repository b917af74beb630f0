import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import Libsql from 'libsql';
import { candidateFor, codeOf, keyStoreContract } from '../testing/key-store.contract.js';
import type { Acknowledged } from '../testing/key-store-process.js';
import { SqliteKeyStore } from './sqlite-key-store.js';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'timeline-keys-'));
  file = join(folder, 'keys.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Everything that lies in the store's folder, as text in which base64 can be looked for. */
const allBytes = (): string =>
  readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'latin1'))
    .join('\n');

describe('the SQLite key store', () => {
  keyStoreContract(
    async () => ({
      open: () => SqliteKeyStore.open(file),
      contents: async () => allBytes(),
      remove: async () => undefined,
    }),
    { races: 60, runs: 50, many: 2_500 },
  );
});

describe('the file of a SQLite key store', () => {
  it('leaves no byte of a destroyed key in any of its files', async () => {
    const store = await SqliteKeyStore.open(file);
    const other = await SqliteKeyStore.open(file);
    const keys = Array.from({ length: 3_000 }, (_, index) => candidateFor(`customer-${index}`));
    for (let from = 0; from < keys.length; from += 250) {
      await Promise.all(keys.slice(from, from + 250).map((key) => (from % 500 ? store : other).obtain(key)));
    }
    const destroyed = keys.filter((_, index) => index % 23 === 0);
    const before = allBytes();
    expect(destroyed.filter(({ wrapped }) => !before.includes(wrapped))).toEqual([]);

    await Promise.all(destroyed.map(({ customerId }) => store.destroy(customerId)));

    const after = allBytes();
    // Halves too: part of a key in the clear would be as bad.
    const left = destroyed.filter(
      ({ wrapped }) => after.includes(wrapped.slice(0, 40)) || after.includes(wrapped.slice(40)),
    );
    expect(left).toEqual([]);
    const lost = keys.filter(({ wrapped }, index) => index % 23 !== 0 && !after.includes(wrapped));
    expect(lost).toEqual([]);
    await Promise.all([store.close(), other.close()]);
  });

  it('empties its write-ahead log, again when destroying is repeated', async () => {
    const store = await SqliteKeyStore.open(file);
    const key = await store.obtain(candidateFor('ada'));
    await store.destroy('ada');
    expect(readFileSync(`${file}-wal`)).toHaveLength(0);
    expect(allBytes()).not.toContain(key.wrapped);
    // As after a crash between the commit and the emptying.
    await store.obtain(candidateFor('bob'));
    expect(readFileSync(`${file}-wal`).length).toBeGreaterThan(0);
    await store.destroy('ada');
    expect(readFileSync(`${file}-wal`)).toHaveLength(0);
    await store.close();
  });

  it('waits for whoever is reading before it answers that a key is destroyed', async () => {
    const store = await SqliteKeyStore.open(file);
    const key = await store.obtain(candidateFor('ada'));
    const reader = new Libsql(file);
    reader.exec('BEGIN; SELECT count(*) FROM data_key');
    let isDestroyed = false;
    const destroying = store.destroy('ada').then(() => (isDestroyed = true));
    while ((await store.find([key.keyId])).get(key.keyId) !== 'destroyed') await new Promise((r) => setImmediate(r));
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(isDestroyed).toBe(false);
    expect(allBytes()).toContain(key.wrapped);
    reader.exec('COMMIT');
    await destroying;
    expect(allBytes()).not.toContain(key.wrapped);
    reader.close();
    await store.close();
  });

  it('answers nobody of a group before all of it is written: if that fails, it fails for all', async () => {
    const store = await SqliteKeyStore.open(file);
    const { keyId } = await store.obtain(candidateFor('ada'));
    const group = [candidateFor('bob'), { ...candidateFor('eve'), keyId }, candidateFor('kim')];
    const codes = await Promise.all(group.map((candidate) => codeOf(store.obtain(candidate))));
    expect(new Set(codes)).toEqual(new Set(['SQLITE_CONSTRAINT_UNIQUE']));
    for (const { customerId } of group) expect(await store.findByOwner(customerId, 'personal')).toBeUndefined();
    await store.close();
  });

  it('refuses a file that is not a key store', async () => {
    writeFileSync(file, 'not a database at all\n'.repeat(100));
    expect(await codeOf(SqliteKeyStore.open(file))).toBe('KEY_STORE_FOREIGN');
  });

  it('answers a closed store with an error, after the writes under way', async () => {
    const store = await SqliteKeyStore.open(file);
    const underWay = store.obtain(candidateFor('ada'));
    await store.close();
    const key = await underWay;
    expect(await codeOf(store.find([key.keyId]))).toBe('KEY_STORE_CLOSED');
    const again = await SqliteKeyStore.open(file);
    expect(await again.findByOwner('ada', 'personal')).toEqual(key);
    await again.close();
  });
});

describe('several processes on one SQLite key store', () => {
  const start = (...task: string[]): ChildProcess =>
    spawn(
      process.execPath,
      [
        '--import',
        fileURLToPath(new URL('../testing/typescript-loader.mjs', import.meta.url)),
        fileURLToPath(new URL('../testing/key-store-process.ts', import.meta.url)),
        `sqlite:${file}`,
        ...task,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } },
    );

  /** Whole lines only: a killed process may leave half a line. */
  async function* acknowledgedBy(child: ChildProcess): AsyncGenerator<Acknowledged> {
    if (!child.stdout) throw new Error('its output is piped');
    for await (const line of createInterface({ input: child.stdout })) {
      // The other process is ours and writes nothing else.
      if (line.endsWith('}')) yield JSON.parse(line) as Acknowledged;
    }
  }

  it('give the same customers the same keys', async () => {
    const children = [1, 2, 3].map(() => start('same-customers', '300'));
    const answers = await Promise.all(
      children.map(async (child) => {
        const keys = new Map<string, string>();
        for await (const answer of acknowledgedBy(child)) {
          if ('obtained' in answer) keys.set(answer.obtained.customerId, answer.obtained.keyId);
        }
        return keys;
      }),
    );
    expect(answers[0]?.size).toBe(300);
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
  });

  it('keep what was acknowledged when one is killed, and keep destroyed what was destroyed', async () => {
    const obtained = new Map<string, string>();
    const wrapped = new Map<string, string>();
    const destroyed: string[] = [];
    for (const killAfter of [1, 137, 500]) {
      const child = start('until-killed');
      const ended = once(child, 'exit');
      let lines = 0;
      for await (const answer of acknowledgedBy(child)) {
        if ('destroyed' in answer) destroyed.push(answer.destroyed);
        else {
          obtained.set(answer.obtained.customerId, answer.obtained.keyId);
          wrapped.set(answer.obtained.customerId, answer.obtained.wrapped);
        }
        if (++lines === killAfter) child.kill('SIGKILL');
      }
      await ended;
    }
    const store = await SqliteKeyStore.open(file);
    const found = await store.find([...obtained.values()]);
    expect([...obtained.values()].filter((keyId) => !found.has(keyId))).toEqual([]);
    expect(destroyed.length).toBeGreaterThan(10);
    for (const customerId of destroyed) {
      expect(found.get(obtained.get(customerId) ?? '')).toBe('destroyed');
      expect(await codeOf(store.obtain(candidateFor(customerId)))).toBe('CUSTOMER_ERASED');
    }
    const bytes = allBytes();
    expect(destroyed.filter((customerId) => bytes.includes(wrapped.get(customerId) ?? 'no key'))).toEqual([]);
    await store.close();
  });
});
