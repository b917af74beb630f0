/**
 * Duplicates through HTTP, commands, projections and the watch, on real embedded stores: found as they come in, reviewed,
 * dismissed until a record changes, confirmed, and gone with whom they concern.
 */
import type { AddressInfo } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { CommandContext } from '@timeline/deciding';
import { ConfirmedDuplicates, duplicatesSlice } from '@timeline/duplicates';
import { createHttpApp } from '@timeline/http';
import { customersSlice } from '@timeline/customers';
import { delay, newId } from '@timeline/kernel';
import { Harness } from '../../libs/composing/src/testing/harness.js';
import { Api, type Answer, type Json, type Page, type Problem } from './api.js';

const merged: { pair: Json; commandId: string }[] = [];
class Merging extends ConfirmedDuplicates {
  override merge(pair: { customers: [string, string] }, context: CommandContext): Promise<void> {
    merged.push({ pair, commandId: context.commandId });
    return Promise.resolve();
  }
}

interface Evidence {
  field: string;
  level: string;
  weight: number;
}
interface Likely {
  customerId: string;
  probability: number;
  evidence: Evidence[];
  status?: string;
}
interface Reviewed {
  pairId: string;
  customers: string[];
  status: string;
  probability: number;
  evidence: Evidence[];
  clearedAt?: string;
  reason?: string;
  decidedBy?: string;
}

let harness: Harness;
let app: NestFastifyApplication;
let api: Api;

beforeAll(async () => {
  harness = await Harness.start({
    slices: [customersSlice({ defaultPhoneRegion: 'CN' }), duplicatesSlice({ confirmed: Merging })],
  });
  app = await createHttpApp(harness.product.module({ providers: [], controllers: [] }));
  await app.listen(0, '127.0.0.1');
  // Listening on a port, so the address is not a path.
  api = new Api(`http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`);
});
afterAll(async () => {
  await app?.close();
  await harness?.dispose();
});

const levels = (evidence: readonly Evidence[]): Json =>
  Object.fromEntries(evidence.map(({ field, level }) => [field, level]));
const search = async (json: Json, position?: string): Promise<Likely[]> => {
  const answer = await api.send<{ items: Likely[] }>('POST', '/v1/customers/duplicates/search', {
    json,
    ...(position !== undefined && { position }),
  });
  expect([answer.status, answer.text]).toEqual([200, answer.text]);
  return answer.body.items;
};
const queue = (status: string): Promise<Page<Reviewed>> => api.read(`/v1/duplicates?limit=200&status=${status}`);
const pairIdOf = (a: string, b: string): string => (a < b ? `${a}.${b}` : `${b}.${a}`);

/** The pair as the queue shows it, once it does. */
async function shown(status: string, pairId: string): Promise<Reviewed> {
  for (;;) {
    const found = (await queue(status)).items.find((pair) => pair.pairId === pairId);
    if (found) return found;
    await delay(20);
  }
}

/** The watch has looked at everything that has happened so far: what is registered after it is in the queue. */
async function watched(): Promise<void> {
  // Like each other and nobody else.
  const letters = (hex: string): string => hex.replaceAll(/\d/g, (digit) => 'ghijklmnop'[Number(digit)] ?? '');
  const [given = '', a1, a2, a3, family = ''] = newId().split('-').map(letters);
  const record = {
    name: { given, family, full: `${given} ${family}` },
    address: { lines: [`${a1}${a2}`, `${a3}${given}`] },
  };
  const pair = await Promise.all([0, 1].map(() => api.register({ ...record, birthDate: '1901-01-01' })));
  const [a, b] = pair.map(({ id }) => id);
  await shown('suspected', pairIdOf(a ?? '', b ?? ''));
}

const zhang = (more: Json = {}): Json => ({
  name: { full: '張偉' },
  birthDate: '1985-03-12',
  address: { lines: ['北京市朝阳区建国路88号'] },
  ...more,
});

describe('a search', () => {
  it('finds who may be the same, says why, and names no value', async () => {
    const { id } = await api.register(zhang({ identities: [{ kind: 'phone', value: '13800010001' }] }));
    const { position } = await api.register({ name: { full: '张伟' }, birthDate: '1990-11-02' });
    const [first, ...others] = await search(
      {
        name: { full: 'Zhang Wei' },
        birthDate: '1985-12-03',
        identities: [{ kind: 'phone', value: '+86 138 0001 0001' }],
      },
      position,
    );
    expect(first?.customerId).toBe(id);
    expect(levels(first?.evidence ?? [])).toEqual({
      given: 'spelled',
      family: 'spelled',
      birthDate: 'close',
      phone: 'same',
      // Another bears it.
      name: 'common',
    });
    expect(first?.probability).toBeGreaterThan(0.5);
    for (const other of others) expect(other.probability).toBeLessThan(0.5);
    expect(JSON.stringify(first)).not.toMatch(/张|zhang|1380|1985/i);
  });

  it('finds a number with one wrong digit', async () => {
    const { id, position } = await api.register({
      name: { full: 'Harriet Cohen' },
      identities: [{ kind: 'phone', value: '15812345678' }],
    });
    const found = await search(
      { name: { full: 'Cohen Harriet' }, identities: [{ kind: 'phone', value: '15812345687' }] },
      position,
    );
    expect(found.map(({ customerId }) => customerId)).toEqual([id]);
    expect(levels(found[0]?.evidence ?? [])).toMatchObject({ phone: 'close' });
  });

  it('does not take a company for a person', async () => {
    const name = { full: 'Nightingale Weathervane' };
    const { id, position } = await api.post('/v1/customers', {
      kind: 'company',
      name,
      address: { lines: ['1 High St'] },
    });
    const like = { name: { full: 'Nightingale Weathervane Ltd.' }, address: { lines: ['1 High Street'] } };
    expect(await search({ kind: 'person', ...like }, position)).toEqual([]);
    expect((await search({ kind: 'company', ...like }, position)).map(({ customerId }) => customerId)).toEqual([id]);
  });

  it('takes a name that many bear for a weak reason, and fills no queue with namesakes', async () => {
    const name = { full: '王芳' };
    const ids: string[] = [];
    for (let n = 0; n < 8; n += 1) {
      const identities = [{ kind: 'phone', value: `1${30 + n}${String(99_887_766 - n * 7_654_321).padStart(8, '0')}` }];
      ids.push((await api.register({ name, identities })).id);
    }
    await watched();
    const [found] = (await api.read<{ items: Likely[] }>(`/v1/customers/${ids[0]}/duplicates?limit=1`)).items;
    expect(levels(found?.evidence ?? [])).toMatchObject({ given: 'same', family: 'same', name: 'common' });
    const queued = (await queue('suspected')).items.filter(({ customers }) =>
      customers.every((id) => ids.includes(id)),
    );
    // Those registered first, when there were few of the name.
    expect(queued.length).toBeLessThanOrEqual(1);
  });

  it('with nothing to go by finds nobody', async () => {
    expect(await search({})).toEqual([]);
    expect(await search({ name: { full: '—' } })).toEqual([]);
  });

  it.each<[Json, string]>([
    [{ names: 'x' }, '/names'],
    [{ name: 'Ann' }, '/name'],
    [{ name: { full: '' } }, '/name/full'],
    [{ birthDate: '1985-13-01' }, '/birthDate'],
    [{ address: { lines: '1 Road' } }, '/address/lines'],
    [{ identities: [{ kind: 'fax', value: '1' }] }, '/identities/0/kind'],
    [{ identities: [{ kind: 'email' }] }, '/identities/0/value'],
    [{ limit: 51 }, '/limit'],
    [{ kind: null }, '/kind'],
  ])('refuses %j and points at %s', async (json, pointer) => {
    const answer = await api.send<Problem>('POST', '/v1/customers/duplicates/search', { json });
    expect([answer.status, answer.body.code]).toEqual([422, 'VALIDATION_FAILED']);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect((answer.body.errors ?? []).map((error) => error.pointer)).toEqual([pointer]);
  });
});

describe('the duplicates of a customer', () => {
  it('are those of the record, with what was decided', async () => {
    const record = { name: { full: 'Ottoline Featherstone' }, birthDate: '1961-01-31' };
    const { id: a } = await api.register(record);
    const { id: b, position } = await api.register({ ...record, name: { full: 'Otoline Fetherstone' } });
    await shown('suspected', pairIdOf(a, b));
    for (const [one, other] of [
      [a, b],
      [b, a],
    ]) {
      const { items } = await api.read<{ items: Likely[] }>(`/v1/customers/${one}/duplicates`, position);
      expect(items).toMatchObject([{ customerId: other, status: 'suspected' }]);
      expect(levels(items[0]?.evidence ?? [])).toEqual({ given: 'close', family: 'close', birthDate: 'same' });
    }
  });

  it('of nobody are 404, with a wrong id or limit 422', async () => {
    const get = async (path: string): Promise<[number, string]> => {
      const { status, body } = await api.send<Problem>('GET', path);
      return [status, body.code];
    };
    expect(await get(`/v1/customers/${newId()}/duplicates`)).toEqual([404, 'CUSTOMER_NOT_FOUND']);
    expect(await get('/v1/customers/nobody/duplicates')).toEqual([422, 'VALIDATION_FAILED']);
    expect(await get(`/v1/customers/${newId()}/duplicates?limit=0`)).toEqual([422, 'VALIDATION_FAILED']);
  });
});

describe('the review queue', () => {
  it('holds a suspected pair until it is dismissed, and again when a record changes in what is compared', async () => {
    const record = { name: { full: 'Barnaby Quillfeather' }, birthDate: '1955-05-15' };
    const { id: a } = await api.register(record);
    const { id: b } = await api.register(record);
    const pairId = pairIdOf(a, b);
    const pair = await shown('suspected', pairId);
    expect(pair).toMatchObject({ customers: [a, b].sort(), status: 'suspected' });
    expect(levels(pair.evidence)).toEqual({ given: 'same', family: 'same', birthDate: 'same' });
    expect(JSON.stringify(pair)).not.toMatch(/barnaby|1955/i);

    await api.post(`/v1/duplicates/${pairId}/dismissal`, { reason: 'father and son' });
    expect(await shown('dismissed', pairId)).toMatchObject({ reason: 'father and son', decidedBy: 'local' });

    await api.command('PATCH', `/v1/customers/${a}`, { note: 'called' });
    await watched();
    expect(await shown('dismissed', pairId)).toBeDefined();

    await api.command('PATCH', `/v1/customers/${a}`, { address: { lines: ['12 Elm Road'], city: 'Bath' } });
    expect(await shown('suspected', pairId)).not.toHaveProperty('decidedBy');
  });

  it('is cleared when a record changes so that nothing speaks for it, and suspected again when it changes back', async () => {
    const record = { name: { full: 'Cornelius Applethwaite' }, birthDate: '1966-06-16' };
    const { id: a } = await api.register(record);
    const { id: b } = await api.register(record);
    const pairId = pairIdOf(a, b);
    await shown('suspected', pairId);
    await api.command('PATCH', `/v1/customers/${a}`, { name: { full: 'Ines Marchetti' }, birthDate: '1999-09-09' });
    const { clearedAt, evidence } = await shown('cleared', pairId);
    expect([clearedAt, levels(evidence)]).toEqual([expect.any(String), expect.objectContaining({ family: 'differs' })]);
    await api.command('PATCH', `/v1/customers/${a}`, record);
    expect(await shown('suspected', pairId)).not.toHaveProperty('clearedAt');
    expect((await queue('cleared')).items.map((pair) => pair.pairId)).not.toContain(pairId);
  });

  it('is confirmed once, and what is to be merged is told with the command', async () => {
    const record = { name: { full: 'Clementine Birdwhistle' }, birthDate: '1944-04-14' };
    const { id: a } = await api.register(record);
    const { id: b } = await api.register(record);
    const pairId = pairIdOf(a, b);
    await shown('suspected', pairId);
    merged.length = 0;
    const confirm = (): Promise<Answer<Json>> =>
      api.send('POST', `/v1/duplicates/${pairId}/confirmation`, {
        json: { survivor: b },
        headers: { 'idempotency-key': 'once' },
      });
    const [first, again] = [await confirm(), await confirm()];
    expect([first.status, again.status]).toEqual([200, 200]);
    expect(again.body).toEqual(first.body);
    expect(await shown('confirmed', pairId)).toMatchObject({ survivor: b });
    expect(merged).toHaveLength(2);
    expect(merged[0]).toMatchObject({ pair: { customers: [a, b].sort(), survivor: b } });
    expect(merged[1]).toEqual(merged[0]);
    const dismissal = await api.send<Problem>('POST', `/v1/duplicates/${pairId}/dismissal`, { json: {} });
    expect([dismissal.status, dismissal.body.code]).toEqual([409, 'DUPLICATE_ALREADY_CONFIRMED']);
  });

  it('is paged, the likeliest first, none twice and none left out', async () => {
    await watched();
    const all = (await queue('suspected')).items;
    const paged: Reviewed[] = [];
    for (let cursor = ''; ;) {
      const page: Page<Reviewed> = await api.read(`/v1/duplicates?limit=1${cursor}`);
      paged.push(...page.items);
      if (page.next === undefined) break;
      cursor = `&cursor=${page.next}`;
    }
    expect(paged).toEqual(all);
    expect(all.length).toBeGreaterThan(1);
    expect(all.map(({ probability }) => probability)).toEqual(
      all.map(({ probability }) => probability).sort((x, y) => y - x),
    );
  });

  it('refuses what it does not know', async () => {
    const at = async (method: string, path: string, json?: Json): Promise<[number, string]> => {
      const { status, body } = await api.send<Problem>(method, path, json ? { json } : {});
      return [status, body.code];
    };
    const unknown = `/v1/duplicates/${pairIdOf(newId(), newId())}`;
    expect(await at('GET', '/v1/duplicates?status=open')).toEqual([422, 'VALIDATION_FAILED']);
    expect(await at('GET', '/v1/duplicates?cursor=nonsense')).toEqual([400, 'CURSOR_MALFORMED']);
    expect(await at('POST', `${unknown}/dismissal`, {})).toEqual([404, 'DUPLICATE_NOT_FOUND']);
    expect(await at('POST', `${unknown}/confirmation`, {})).toEqual([404, 'DUPLICATE_NOT_FOUND']);
    expect(await at('POST', '/v1/duplicates/one.two/dismissal', {})).toEqual([422, 'VALIDATION_FAILED']);
    expect(await at('POST', `${unknown}/dismissal`, { because: 'x' })).toEqual([422, 'VALIDATION_FAILED']);
    expect(await at('POST', `${unknown}/confirmation`, { survivor: 'x' })).toEqual([422, 'VALIDATION_FAILED']);
  });

  it('and the search forget a customer who is erased', async () => {
    const record = { name: { full: 'Leopold Thistlewood' }, birthDate: '1933-03-13' };
    const { id: a } = await api.register(record);
    const { id: b } = await api.register(record);
    const pairId = pairIdOf(a, b);
    await shown('suspected', pairId);
    // The greater id, so that the pair's document is not the erased customer's own.
    const [kept = '', gone = ''] = [a, b].sort();
    const { position } = await api.command('DELETE', `/v1/customers/${gone}`);
    expect((await search(record, position)).map(({ customerId }) => customerId)).toEqual([kept]);
    expect((await queue('suspected')).items.map((pair) => pair.pairId)).not.toContain(pairId);
    const answer = await api.send<Problem>('GET', `/v1/customers/${gone}/duplicates`);
    expect([answer.status, answer.body.code]).toEqual([410, 'CUSTOMER_ERASED']);
  });
});

it('the watch that starts over finds the same and records nothing', async () => {
  await watched();
  const count = async (): Promise<number> => {
    let events = 0;
    for await (const batch of harness.product.events.readAll({ types: ['DuplicateSuspected'] })) events += batch.length;
    return events;
  };
  const before = await count();
  expect(before).toBeGreaterThan(3);
  await harness.product.reads.dropCollection('duplicate-watch');
  await watched();
  // The two that `watched` itself registered, once.
  expect(await count()).toBe(before + 1);
});
