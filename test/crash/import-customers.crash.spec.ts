/**
 * `kill -9` at random instants while customers are imported by the built command line: the same command goes on, every
 * row is there once, the file of errors has every wrong cell once, and a second import adds nothing.
 */
import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { RunningProduct } from '../support/running-product.js';

const KILLS = 6;
const ROWS = 6_000;
/** Every so many rows one has a wrong cell. */
const WRONG_EVERY = 400;
const SEED = Number(process.env['CRASH_SEED'] ?? Date.now() % 1_000_000);
const CLI = fileURLToPath(new URL('../../dist/apps/cli/src/main.js', import.meta.url));

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
}

describe(`an import of customers, killed ${KILLS} times (CRASH_SEED=${SEED})`, () => {
  let product: RunningProduct;
  let file: string;
  const isWrong = (row: number): boolean => row % WRONG_EVERY === 0;
  beforeAll(async () => {
    product = await RunningProduct.create({ DEMO: 'off' });
    file = path.join(product.folder, 'customers.csv');
    const rows = Array.from({ length: ROWS }, (_, index) => {
      const row = index + 1;
      return `C${row},Customer ${row},${isWrong(row) ? 'no address' : `c${row}@import.example`},size ${row % 5}`;
    });
    await writeFile(file, `ID,Name,E-mail,traits.size\n${rows.join('\n')}\n`);
  });
  afterAll(() => product.dispose());

  const args = (): string[] => ['--json', 'import', 'customers', file, '--source', 'crm', '--errors', 'errors.csv'];

  it('goes on after every kill, with every row and every error once', async () => {
    const random = randomFrom(SEED);
    let reached = 0;
    for (let kill = 0; kill < KILLS; kill += 1) {
      const child = spawn(process.execPath, [CLI, ...args()], { cwd: product.folder, env: product.env, stdio: 'pipe' });
      const ended = new Promise((resolve) => child.once('exit', resolve));
      // After its next progress, and a little more: in the middle of the rows behind a checkpoint.
      await new Promise<void>((resolve) => {
        child.once('exit', () => resolve());
        child.stderr.once('data', (chunk: Buffer) => {
          reached = Number(/"line":(\d+)/.exec(chunk.toString())?.[1] ?? reached);
          setTimeout(resolve, random() * 400);
        });
      });
      child.kill('SIGKILL');
      await ended;
      if (reached > ROWS - 1_500) break;
    }
    expect(reached).toBeGreaterThan(1_000);
    const last = await product.cli(...args());
    const wrong = ROWS / WRONG_EVERY;
    expect(JSON.parse(last.out)).toMatchObject({
      state: 'completed',
      counts: { rows: ROWS, registered: ROWS - wrong, updated: 0, unchanged: 0, failed: wrong },
    });
    const errors = (await readFile(path.join(product.folder, 'errors.csv'), 'utf8')).trim().split('\n');
    expect(errors[0]).toBe('line,column,name,code,message');
    expect(errors.slice(1).map((row) => row.split(',').slice(0, 4).join(','))).toEqual(
      Array.from({ length: wrong }, (_, index) => `${(index + 1) * WRONG_EVERY + 1},3,E-mail,IDENTITY_REFUSED`),
    );
    expect(errors.join('\n')).not.toContain('no address');
  }, 300_000);

  it('adds no event when it is run again', async () => {
    const head = async (): Promise<unknown> => JSON.parse((await product.cli('--json', 'status')).out).head.position;
    const before = await head();
    const again = await product.cli(...args());
    expect(JSON.parse(again.out).counts).toMatchObject({
      rows: ROWS,
      registered: 0,
      updated: 0,
      unchanged: ROWS - ROWS / WRONG_EVERY,
    });
    expect(await head()).toBe(before);
  }, 120_000);
});
