/** `timeline provenance` and `timeline revert`, beside a running product, as an operator uses them. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { RunningProduct, type CliResult } from '../support/running-product.js';
import { Api, type Json, type Page } from './api.js';

let product: RunningProduct;
let api: Api;

beforeAll(async () => {
  product = await RunningProduct.create({ DEMO: 'off' });
  await product.start();
  api = new Api(product.url);
}, 120_000);
afterAll(() => product?.dispose());

const head = async (): Promise<string> => (await api.head()) ?? '';
const json = async (...args: string[]): Promise<Json> => {
  const { code, out, err } = await product.cli('--json', ...args);
  expect([code, err.includes('"error"')]).toEqual([0, false]);
  return JSON.parse(out) as Json;
};
async function imported(name: string, csv: string): Promise<string> {
  const file = path.join(product.folder, `${name}.csv`);
  await writeFile(file, csv);
  const { importId, counts } = await json('import', 'customers', file, '--source', 'crm', '--name', name);
  expect(counts).toMatchObject({ failed: 0 });
  return String(importId);
}
const customers = async (): Promise<Json[]> => (await api.read<Page>('/v1/customers?limit=200', await head())).items;

it('tells what an import said, tells what taking it back would do, and takes it back once', async () => {
  await imported('first', 'ID,Name,Phone\n1,Ann Lee,+1 650 253 0001\n');
  const second = await imported('second', 'ID,Name,Phone\n1,Ann Lee,+1 650 253 0002\n2,Bob Ray,+1 650 253 0003\n');

  const listed = await product.cli('--json', 'provenance', '--import', second, '--field', 'phone');
  const said = listed.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { values: { value: string }[] });
  expect(said.flatMap(({ values }) => values.map(({ value }) => value)).sort()).toEqual([
    '+16502530002',
    '+16502530003',
  ]);
  expect((await product.cli('provenance', '--source', 'crm')).out).toContain('"+16502530001"');

  const counts = { customers: 2, withdrawn: 1, retracted: 1, unchanged: 0 };
  const before = await head();
  expect(await json('revert', '--import', second, '--dry-run')).toEqual({ ...counts, dryRun: true });
  expect(await head()).toBe(before);

  expect(await json('revert', '--import', second)).toMatchObject({ ...counts, dryRun: false });
  expect((await customers()).map(({ name }) => (name as { full: string }).full)).toEqual(['Ann Lee']);
  expect((await api.read(`/v1/imports/${second}`)).state).toBe('reverted');
  expect(await json('revert', '--import', second, '--dry-run')).toMatchObject({ withdrawn: 0, retracted: 0 });

  const phones = await product.cli('revert', '--source', 'crm', '--field', 'phone');
  expect(phones.out).toContain('of 1 it was taken back, 0 were withdrawn');
  expect((await product.cli('--json', 'provenance', '--source', 'crm', '--field', 'phone')).out).toBe('');
  expect(await customers()).toHaveLength(1);
}, 180_000);

it('what was taken back over HTTP is there again when its file is imported again, which adds nothing after that', async () => {
  const file = path.join(product.folder, 'web.csv');
  await writeFile(file, 'ID,Name,Phone\nW1,Will Web,+1 650 253 0011\nW2,Wilma Web,+1 650 253 0012\n');
  // Without a name it is named by its content.
  const run = (): Promise<Json> => json('import', 'customers', file, '--source', 'web');
  const { importId } = await run();
  const phones = async (): Promise<number> =>
    (await api.read<Page>('/v1/provenance?source=web&field=phone', await head())).items.length;
  for (const [asked, state] of [
    [{ import: importId }, 'reverted'],
    [{ source: 'web' }, 'completed'],
    [{ source: 'web', field: 'phone' }, 'completed'],
  ] as const) {
    expect((await api.send('POST', '/v1/provenance/revert', { json: asked })).status).toBe(200);
    expect([asked, await phones()]).toEqual([asked, 0]);
    expect([asked, (await api.read(`/v1/imports/${String(importId)}`)).state]).toEqual([asked, state]);
    await run();
    expect([asked, await phones()]).toEqual([asked, 2]);
    const before = await head();
    expect((await run()).counts).toMatchObject({ rows: 2, unchanged: 2 });
    expect(await head()).toBe(before);
  }
}, 180_000);

it('refuses what says nothing, or two things', async () => {
  const refused = ({ code, err }: CliResult): [number | null, string] => [code, err];
  expect(refused(await product.cli('revert'))).toEqual([1, expect.stringContaining('OPTION_REFUSED')]);
  expect(refused(await product.cli('provenance', '--import', '42'))).toEqual([1, expect.stringContaining('--import')]);
  expect(refused(await product.cli('revert', '--source', 'a', '--import', 'b'))).toEqual([
    1,
    expect.stringContaining('cannot be used with'),
  ]);
}, 60_000);
