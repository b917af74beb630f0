/** Imports on real embedded stores, through the service; over HTTP what only HTTP has. */
import type { AddressInfo } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpApp } from '@timeline/http';
import { Harness, TestClock } from '../../../composing/src/testing/harness.js';
import { customerDecider, customerStream, type CustomerState } from '../customer.decider.js';
import { changeConsent } from '../commands/change-consent.command.js';
import { importCustomer } from '../commands/import-customer.command.js';
import { updateCustomer } from '../commands/update-customer.command.js';
import { removeIdentity } from '../commands/remove-identity.command.js';
import { CommandProcessor, CustomerDirectory } from '@timeline/deciding';
import { deriveId } from '@timeline/kernel';
import { customersSlice } from '../index.js';
import type { RevertNews } from '../provenance/reverts.js';
import { CustomerImports, type ImportNews, type ImportRequest } from './customer-imports.js';
import { importStream } from './import.decider.js';

const clock = new TestClock();
let harness: Harness;
let app: NestFastifyApplication;
let base: string;
beforeAll(async () => {
  harness = await Harness.start({ slices: [customersSlice({ defaultPhoneRegion: 'US' })], clock });
  app = await createHttpApp(harness.product.module({ providers: [], controllers: [] }), {
    openApi: { title: 'test', version: '1' },
  });
  await app.listen(0, '127.0.0.1');
  // Listening on a port, so the address is not a path.
  base = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
});
afterAll(async () => {
  await app?.close();
  await harness?.dispose();
});

let count = 0;
async function* once(text: string): AsyncGenerator<string> {
  yield text;
}
async function run(
  text: string,
  more: Partial<ImportRequest> = {},
): Promise<{ news: ImportNews[]; counts: object; errors: unknown[] }> {
  const request: ImportRequest = { source: 'crm', name: `file-${(count += 1)}`, format: 'csv', ...more };
  const news: ImportNews[] = [];
  for await (const each of harness.get(CustomerImports).run(once(text), request)) news.push(each);
  const last = news.at(-1);
  return {
    news,
    counts: last?.kind === 'ended' ? last.summary.counts : {},
    errors: news.flatMap((each) => (each.kind === 'error' ? [each.error] : [])),
  };
}
const head = async (): Promise<string | undefined> => (await harness.product.events.head())?.position;
/** Of the one customer that holds an external id of `source`. */
async function customer(externalId: string, source = 'crm'): Promise<{ id: string; state: CustomerState }> {
  const directory = harness.context.get(CustomerDirectory, { strict: false });
  const { customerId: id } = await directory.resolve({
    identity: { kind: 'external', value: externalId, system: source },
  });
  return { id, state: (await harness.get(CommandProcessor).load(customerDecider, customerStream(id))).state };
}
const typesOf = async (id: string): Promise<string[]> =>
  (await harness.product.events.readStream(customerStream(id))).map(({ type }) => type);

const HEADER = 'ID,First name,Last name,E-mail,Phone,City,traits.size,consents.newsletter,Stage';

it('a row that is sent again is answered as the first time, and refused where it says something else', async () => {
  const send = (region: string) => {
    const row = { importId: deriveId('test', 'again'), source: 'crm', line: 1, externalId: 'again', region };
    return harness.dispatch(importCustomer, row, { idempotencyKey: 'again' });
  };
  const first = await send('West');
  expect(await send('West')).toEqual({ ...first, resent: true, change: 'registered' });
  await expect(send('East')).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
});

describe('an import of customers', () => {
  it('registers them with all that the row says, in one event besides consents', async () => {
    const { counts, errors } = await run(
      `${HEADER}\nA1,Ann,Example,ann@a1.example,(650) 253-0000,Springfield,L,granted@v3,customer\n`,
    );
    expect(errors).toEqual([]);
    expect(counts).toEqual({ rows: 1, registered: 1, updated: 0, unchanged: 0, failed: 0 });
    const { id, state } = await customer('A1');
    expect(state.fields['name']?.value).toEqual({ full: 'Ann Example', given: 'Ann', family: 'Example' });
    expect(state.fields['address']?.value).toEqual({ city: 'Springfield' });
    expect(state.identities.map(({ kind, value }) => [kind, value])).toEqual([
      ['external', 'A1'],
      ['email', 'ann@a1.example'],
      ['phone', '+16502530000'],
    ]);
    expect(state).toMatchObject({ stage: { value: 'customer' }, traits: { size: { value: 'L' } } });
    expect(Object.values(state.consents)).toMatchObject([{ value: { status: 'granted', textVersion: 'v3' } }]);
    expect(await typesOf(id)).toEqual(['CustomerRegistered', 'CustomerConsentChanged']);
    const [event] = await harness.product.events.readStream(customerStream(id));
    const importId = harness.get(CustomerImports).idOf({ source: 'crm', name: `file-${count}` });
    expect(event?.metadata).toMatchObject({ source: 'crm', correlationId: importId });
  });

  it('adds no event when it is run again, under its name or another', async () => {
    const text = `${HEADER}\nB1,Bo,Example,bo@b.example,,,M,granted,\nB2,,,,,,S,,lead\n`;
    await run(text, { name: 'same' });
    const before = await head();
    expect((await run(text, { name: 'same' })).counts).toMatchObject({ rows: 2, failed: 0 });
    expect(await head()).toBe(before);
    expect((await run(text)).counts).toEqual({ rows: 2, registered: 0, updated: 0, unchanged: 2, failed: 0 });
    const id = harness.get(CustomerImports).idOf({ source: 'crm', name: `file-${count}` });
    // Only that it was run.
    expect((await harness.product.events.readStream(importStream(id))).map(({ type }) => type)).toEqual([
      'CustomerImportStarted',
      'CustomerImportCompleted',
    ]);
  });

  it('says anew what was taken back, by whichever way it was, and only that', async () => {
    const text = 'ID,E-mail,traits.size\nI1,i1@i.example,M\nI2,i2@i.example,L\n';
    const imports = harness.get(CustomerImports);
    const again = { source: 'shop', name: 'sha256:1' };
    await run(text, again);
    const takeBack = async (asked: Parameters<CustomerImports['takeBack']>[0]): Promise<unknown> => {
      const news: RevertNews[] = [];
      for await (const each of imports.takeBack(asked, 'test')) news.push(each);
      return news.at(-1)?.counts;
    };
    for (const [asked, taken, state, said] of [
      [{ import: imports.idOf(again) }, { withdrawn: 2 }, 'reverted', { registered: 2 }],
      [{ source: 'shop' }, { withdrawn: 2 }, 'completed', { registered: 2 }],
      [{ source: 'shop', field: 'email' }, { retracted: 2 }, 'completed', { updated: 2 }],
      [{ import: imports.idOf(again), field: 'traits' }, { retracted: 2 }, 'completed', { updated: 2 }],
    ] as const) {
      expect([asked, await takeBack(asked)]).toMatchObject([asked, { customers: 2, ...taken }]);
      expect([asked, (await imports.find(imports.idOf(again))).state]).toEqual([asked, state]);
      expect([asked, (await run(text, again)).counts]).toMatchObject([asked, said]);
      const { state: first } = await customer('I1', 'shop');
      expect(first.identities.map(({ value }) => value)).toEqual(['I1', 'i1@i.example']);
      expect(first.traits).toMatchObject({ size: { value: 'M' } });
      const before = await head();
      expect((await run(text, again)).counts).toMatchObject({ rows: 2, unchanged: 2 });
      expect(await head()).toBe(before);
    }
  });

  it('changes only what its source says otherwise, and never what somebody changed since', async () => {
    await run(`${HEADER}\nC1,Cy,Example,cy@c.example,,Paris,M,granted,lead\n`);
    const { id, state } = await customer('C1');
    const email = state.identities.find(({ kind }) => kind === 'email');
    await harness.dispatch(updateCustomer, { customerId: id, address: { city: 'Rome' } });
    await harness.dispatch(changeConsent, {
      customerId: id,
      purpose: 'newsletter',
      status: 'withdrawn',
      textVersion: 'v9',
    });
    await harness.dispatch(removeIdentity, { customerId: id, kind: 'email', value: email?.value ?? '' });
    const before = await typesOf(id);
    expect((await run(`${HEADER}\nC1,Cy,Example,cy@c.example,,Paris,M,granted,lead\n`)).counts).toMatchObject({
      unchanged: 1,
    });
    expect(await typesOf(id)).toEqual(before);

    expect((await run(`${HEADER}\nC1,Cy,Example,cy@c.example,,Paris,XL,granted,lead\n`)).counts).toMatchObject({
      updated: 1,
    });
    const after = (await customer('C1')).state;
    expect(after.traits).toMatchObject({ size: { value: 'XL' } });
    expect(after.fields['address']?.value).toEqual({ city: 'Rome' });
    expect(Object.values(after.consents)).toMatchObject([{ value: { status: 'withdrawn' } }]);
    expect(after.identities.map(({ kind }) => kind)).toEqual(['external']);
    const [last] = (await harness.product.events.readStream(customerStream(id))).slice(-1);
    expect(last?.data).toMatchObject({ changed: ['traits.size'] });
  });

  it('goes back when its source goes back: A, B, A are three words', async () => {
    for (const size of ['A', 'B', 'A']) {
      clock.advance(1000);
      await run(`ID,traits.size\nD1,${size}\n`, { name: 'nightly' });
      expect((await customer('D1')).state.traits).toMatchObject({ size: { value: size } });
    }
  });

  it('tells each wrong cell by line, column and name, never its value, and takes the other rows', async () => {
    const rows = [
      HEADER,
      'E1,Eve,,not-an-address,,,M,,',
      'E2,Eve,,,12,,M,maybe,king',
      'E3,"Eve"x,,,,,M,,',
      'E4,Eve,too,few',
      'E5,Eve,,null@example.com,,,M,,',
      'E6,Ed,,ed@e.example,,,M,,',
      'E7,Ed,,ed@e.example,,,M,,',
    ];
    const { counts, errors } = await run(rows.join('\r\n'));
    expect(counts).toMatchObject({ rows: 7, registered: 1, failed: 6 });
    expect(errors).toMatchObject([
      { line: 2, column: 4, name: 'E-mail', code: 'IDENTITY_REFUSED' },
      { line: 3, column: 9, name: 'Stage', code: 'NOT_ONE_OF' },
      { line: 3, column: 8, name: 'consents.newsletter', code: 'NOT_ONE_OF' },
      { line: 3, column: 5, name: 'Phone', code: 'IDENTITY_REFUSED' },
      { line: 4, code: 'QUOTE_MISPLACED' },
      { line: 5, code: 'COLUMN_COUNT' },
      { line: 6, column: 4, name: 'E-mail', code: 'IDENTITY_REFUSED' },
      { line: 8, column: 4, name: 'E-mail', code: 'IDENTITY_TAKEN' },
    ]);
    expect(JSON.stringify(errors)).not.toMatch(/not-an-address|maybe|king|null@/);
  });

  it('refuses a header that it does not understand, all at once, and writes nothing', async () => {
    const before = await head();
    await expect(run('ID,Shoe size,E-mail,Mail\n1,2,3,4\n', { map: { Age: 'birthDate' } })).rejects.toMatchObject({
      code: 'IMPORT_COLUMNS_REFUSED',
      details: {
        problems: [
          expect.stringContaining('Shoe size'),
          expect.stringContaining('both mean email'),
          expect.stringContaining('Age'),
        ],
      },
    });
    await expect(run('')).rejects.toMatchObject({ code: 'FILE_EMPTY' });
    expect(await head()).toBe(before);
  });

  it('takes columns by a map, and NDJSON by the same names', async () => {
    const map = { Kundennummer: 'externalId', Ort: 'address.city', Intern: null };
    await run('Kundennummer;Ort;Intern\nF1;Köln;x\n', { map });
    expect((await customer('F1')).state.fields['address']?.value).toEqual({ city: 'Köln' });
    const lines = [
      '{"id":7,"name":"张伟","address":{"city":"上海"},"traits":{"vip":true},"external":{"erp":"9"}}',
      '{"id":8,"shoe":1}',
      '[1]',
    ];
    const { counts, errors } = await run(lines.join('\n'), { format: 'ndjson', source: 'app' });
    expect(counts).toMatchObject({ registered: 1, failed: 2 });
    expect(errors).toMatchObject([
      { line: 2, name: 'shoe', code: 'UNKNOWN_FIELD' },
      { line: 3, code: 'NOT_AN_OBJECT' },
    ]);
    expect((await customer('7', 'app')).state.traits).toMatchObject({ vip: { value: true } });
  });

  it('as a dry run finds what would happen and what is wrong, and writes nothing', async () => {
    await run('ID,E-mail,traits.size\nG1,g1@g.example,M\n');
    const before = await head();
    const text =
      'ID,E-mail,traits.size,Date of birth\nG1,,L,\nG2,g2@g.example,M,\nG3,g1@g.example,M,\nG4,,,2999-01-01\nG1,,M,\n';
    const { counts, errors } = await run(text, { dryRun: true });
    expect(counts).toEqual({ rows: 5, registered: 1, updated: 1, unchanged: 1, failed: 2 });
    expect(errors).toMatchObject([
      { line: 4, column: 2, code: 'IDENTITY_TAKEN' },
      { line: 5, column: 4, code: 'BIRTH_DATE_IN_FUTURE' },
    ]);
    expect(await head()).toBe(before);
  });

  it('goes on after its checkpoint when it was cut off, and counts every row once', async () => {
    const rows = Array.from({ length: 2_500 }, (_, index) => `H${index},h${index}@h.example`);
    const text = `ID,E-mail\n${rows.join('\n')}\n`;
    const request: ImportRequest = { source: 'crm', name: 'cut', format: 'csv' };
    const imports = harness.get(CustomerImports);
    for await (const news of imports.run(once(text), request))
      if (news.kind === 'progress' && news.counts.rows === 2_000) break;
    expect(await imports.find(imports.idOf(request))).toMatchObject({
      state: 'running',
      counts: { registered: 2_000 },
    });
    const { news, counts } = await run(text, request);
    expect(news[0]).toEqual({ kind: 'resumed', line: 2_001 });
    expect(counts).toEqual({ rows: 2_500, registered: 2_500, updated: 0, unchanged: 0, failed: 0 });
    expect(await imports.find(imports.idOf(request))).toMatchObject({ state: 'completed', counts });
  });
});

describe('an import over HTTP', () => {
  const post = (query: string, body: string, type = 'text/csv'): Promise<Response> =>
    fetch(`${base}/v1/imports?${query}`, { method: 'POST', headers: { 'content-type': type }, body });

  it('is answered line by line, and found by its id', async () => {
    const answer = await post('source=web&name=one', 'ID,E-mail\n1,one@web.example\n2,none\n');
    expect(answer.status).toBe(200);
    const lines = (await answer.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as ImportNews);
    expect(lines).toMatchObject([
      { kind: 'error', error: { line: 3, column: 2, name: 'E-mail' } },
      { kind: 'ended', summary: { state: 'completed', counts: { registered: 1, failed: 1 } } },
    ]);
    const id = harness.get(CustomerImports).idOf({ source: 'web', name: 'one' });
    expect(await (await fetch(`${base}/v1/imports/${id}`)).json()).toMatchObject({ importId: id, state: 'completed' });
  });

  it.each([
    ['source=web', 'ID\n1\n', 'text/csv', 422, 'VALIDATION_FAILED'],
    ['source=web&name=x&map=[1]', 'ID\n1\n', 'text/csv', 422, 'VALIDATION_FAILED'],
    ['source=web&name=x', 'Shoe\n1\n', 'text/csv', 422, 'IMPORT_COLUMNS_REFUSED'],
    ['source=web&name=x', '{}', 'application/json', 415, 'UNSUPPORTED_MEDIA_TYPE'],
  ])('is refused: %s %j %s', async (query, body, type, status, code) => {
    const answer = await post(query, body, type);
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([status, code]);
  });

  it('is not found by an id that is none', async () => {
    expect((await fetch(`${base}/v1/imports/b7a4927c-31c5-5955-8ac0-9f9b3d1b5a8b`)).status).toBe(404);
  });
});
