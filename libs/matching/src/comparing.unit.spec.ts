/** Fields compared: levels by example, and what holds for any two records. */
import fc from 'fast-check';
import { blockingKeys, candidatePairs } from './blocking.js';
import { addressOf } from './addresses.js';
import { compareRecords, FIELD_NAMES, FIELDS, type Level } from './comparing.js';
import { defaultModel } from './default-model.js';
import { featuresOf, type Features, type GivenRecord } from './features.js';
import { judge } from './model.js';
import { compareNames, nameOf } from './names.js';

const person = (record: Omit<GivenRecord, 'kind'>): Features => featuresOf({ kind: 'person', ...record });

const word = fc.oneof(
  fc.constantFrom('Ann', 'Liz', '王', '小明', '張偉', 'van', '12', '号', 'Zhang'),
  fc.string({ maxLength: 6 }),
);
const line = fc.array(word, { maxLength: 4 }).map((words) => words.join(' '));
const record: fc.Arbitrary<Features> = fc
  .record(
    {
      name: fc.record({ full: line, given: line, family: line }, { requiredKeys: [] }),
      birthDate: fc.constantFrom('1980-05-06', '1980-06-05', '1981-05-06', '', 'x'),
      address: fc.record(
        { lines: fc.array(line, { maxLength: 2 }), city: line, state: line, postalCode: line },
        { requiredKeys: [] },
      ),
      phones: fc.array(fc.constantFrom('+8613800010001', '13800010001', '13800010002', '12'), { maxLength: 2 }),
      emails: fc.array(fc.constantFrom('ann@example.com', 'ann@example.org', 'x', 'annexample@gmail.com'), {
        maxLength: 2,
      }),
      ids: fc.array(
        fc.record({ system: fc.constantFrom('crm', 'shop'), value: fc.constantFrom('1234567', '1234568', 'a') }),
        { maxLength: 2 },
      ),
    },
    { requiredKeys: [] },
  )
  .map(person);

describe('two records', () => {
  it('are compared alike in either order, by levels that there are', () => {
    fc.assert(
      fc.property(record, record, (a, b) => {
        const comparison = compareRecords(a, b);
        expect(compareRecords(b, a)).toEqual(comparison);
        for (const field of FIELD_NAMES) {
          const level = comparison[field];
          if (level !== undefined) expect(FIELDS[field] as readonly Level[]).toContain(level);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('agree in all that they say when they are one', () => {
    fc.assert(
      fc.property(record, (a) => {
        for (const level of Object.values(compareRecords(a, a))) expect(level).toBe('same');
      }),
      { numRuns: 500 },
    );
  });

  it('are judged by a probability, and every field that speaks is in the evidence', () => {
    fc.assert(
      fc.property(record, record, (a, b) => {
        const comparison = compareRecords(a, b);
        const match = judge(defaultModel('person'), comparison);
        expect(match.probability).toBeGreaterThan(0);
        expect(match.probability).toBeLessThan(1);
        expect(Object.fromEntries(match.evidence.map(({ field, level }) => [field, level]))).toEqual(comparison);
      }),
    );
  });
});

it('a name that many bear is worth less, and still something', () => {
  const zhang = person({ name: { full: '张伟' } });
  const [rare, common] = [1, 40].map((namesakes) =>
    judge(defaultModel('person'), compareRecords(zhang, zhang), namesakes),
  );
  expect((rare?.score ?? 0) - (common?.score ?? 0)).toBeCloseTo(Math.log2(40));
  expect(common?.evidence.at(-1)).toMatchObject({ field: 'name', level: 'common' });
  expect(common?.evidence.reduce((sum, { weight }) => sum + weight, 0)).toBeGreaterThan(0);
  const other = person({ name: { full: '张炜' } });
  expect(judge(defaultModel('person'), compareRecords(zhang, other), 40).evidence).toHaveLength(2);
});

describe('a model set by hand', () => {
  it.each(['person', 'company'] as const)(
    'is one of probabilities: the levels of a field of a %s add up to one',
    (kind) => {
      for (const [field, levels] of Object.entries(defaultModel(kind).fields)) {
        for (const which of ['m', 'u'] as const) {
          const sum = Object.values(levels).reduce((total, level) => total + level[which], 0);
          expect([field, which, sum.toFixed(6)]).toEqual([field, which, '1.000000']);
        }
      }
    },
  );
});

describe('names', () => {
  it.each([
    ['Ann Example', 'ann example', 'same', 'same'],
    ['Example, Ann', 'Ann Example', 'same', 'same'],
    ['Dr. Robert Smith', 'Bob Smith', 'part', 'same'],
    ['R. Smith', 'Robert Smith', 'part', 'same'],
    ['Jonathan Smith', 'Jonathon Smyth', 'close', 'close'],
    ['張偉', '张伟', 'same', 'same'],
    ['张伟', 'Zhang Wei', 'spelled', 'spelled'],
    ['张晓明', 'ZHANG XIAO MING', 'spelled', 'spelled'],
    ['欧阳娜', 'Ouyang Na', 'spelled', 'spelled'],
    ['张伟', '张炜', 'close', 'same'],
    ['王晓明', '王晓红', 'differs', 'same'],
    ['小王', '王伟', undefined, 'same'],
    ['王女士', '王丽', undefined, 'same'],
    ['阿明', '周杰明', 'part', undefined],
  ])('%s and %s: given %s, family %s', (a, b, given, family) => {
    const agreement = compareNames(nameOf({ full: a }), nameOf({ full: b }));
    expect([agreement.given, agreement.family]).toEqual([given, family]);
  });

  it('in each other’s fields are close, and said to be swapped', () => {
    const [a, b] = [nameOf({ given: 'harry', family: 'cohen' }), nameOf({ given: 'cohen', family: 'harry' })];
    expect(compareNames(a, b)).toEqual({ given: 'close', family: 'close', swapped: true });
  });
});

describe('the other fields', () => {
  it.each([
    ['1985-03-12', '19850312', 'same'],
    ['1985-03-12', '1985-12-03', 'close'],
    ['1985-03-12', '1985-03-21', 'close'],
    ['1985-03-12', '1985-07-30', 'part'],
    ['1985-03-12', '1991-07-30', 'differs'],
  ])('birth dates %s and %s: %s', (a, b, level) =>
    expect(compareRecords(person({ birthDate: a }), person({ birthDate: b })).birthDate).toBe(level),
  );

  it.each([
    [['+8613800010001'], ['138 0001 0001'], 'same'],
    [['13800010001'], ['13800010010'], 'close'],
    [['13800010001'], ['13912345678'], 'differs'],
    [['13800010001'], [], undefined],
  ])('phones %j and %j: %s', (a, b, level) =>
    expect(compareRecords(person({ phones: a }), person({ phones: b })).phone).toBe(level),
  );

  it.each([
    ['A.B+c@GoogleMail.com', 'ab@gmail.com', 'same'],
    ['lei.li@example.com', 'lei.li@example.org', 'close'],
    ['lei.li@example.com', 'lei.l1@example.com', 'close'],
    ['lei.li@example.com', 'ann@example.com', 'differs'],
  ])('mailboxes %s and %s: %s', (a, b, level) =>
    expect(compareRecords(person({ emails: [a] }), person({ emails: [b] })).email).toBe(level),
  );

  it('numbers are compared within their system only', () => {
    const of = (system: string, value: string): Features => person({ ids: [{ system, value }] });
    expect(compareRecords(of('crm', '7364009'), of('shop', '7364009')).id).toBeUndefined();
    expect(compareRecords(of('crm', '7364009'), of('crm', '7364009')).id).toBe('same');
    expect(compareRecords(of('crm', '7364009'), of('crm', '7364090')).id).toBe('close');
  });

  it('Chinese addresses are taken apart wherever province and city stand', () => {
    const expected = { state: '广东', city: '深圳', street: ['12', '科技园'] };
    expect(addressOf({ lines: ['廣東省深圳市南山區科技園路１２號'] })).toEqual(expected);
    expect(addressOf({ state: '广东省', city: '深圳市', lines: ['南山区科技园路十二号'] })).toEqual(expected);
    expect(addressOf({ lines: ['北京朝阳区建国路88号'] })).toEqual({
      state: '北京',
      city: '北京',
      street: ['88', '建国'],
    });
  });

  it('Western addresses are sets of words', () => {
    const of = (text: string): Features => person({ address: { lines: [text] } });
    expect(compareRecords(of('12 Main Street'), of('Main St 12')).street).toBe('same');
    expect(compareRecords(of('12 Main Street'), of('12 Mian Street')).street).toBe('close');
    expect(compareRecords(of('12 Main Street'), of('7 Elm Road')).street).toBe('differs');
  });
});

describe('candidates', () => {
  it('are the same in any order of the records, each once, and bounded under one key', () => {
    const many = Array.from({ length: 300 }, (_, n) =>
      person({ name: { given: `given${n % 7}`, family: `family${n % 5}` }, birthDate: '1980-01-01' }),
    );
    const pairs = candidatePairs(many, { maxBlock: 50, window: 5 });
    expect(new Set(pairs.map(String)).size).toBe(pairs.length);
    expect(pairs.every(([a, b]) => a < b)).toBe(true);
    // Without the bound the birth date alone makes 44,850.
    expect(pairs.length).toBeLessThan(20_000);
    expect(candidatePairs(many, { maxBlock: 50, window: 5 })).toEqual(pairs);
  });

  it('share a key in spite of an error in any one field', () => {
    const whole = {
      name: { given: 'harry', family: 'cohen' },
      birthDate: '1980-05-06',
      address: { lines: ['12 Main Street'], city: 'Bath', postalCode: '2600' },
      phones: ['13800010001'],
    };
    const errors: Omit<GivenRecord, 'kind'>[] = [
      { ...whole, name: { given: 'cohen', family: 'harry' } },
      { ...whole, name: { given: 'larry', family: 'koen' } },
      { ...whole, birthDate: '1971-01-02' },
      { ...whole, address: {} },
      { ...whole, phones: ['13800010009'] },
      { name: whole.name, birthDate: '1980-06-05' },
      { name: whole.name, phones: ['13900010001'] },
    ];
    const keys = blockingKeys(person(whole));
    for (const error of errors) expect(blockingKeys(person(error)).filter((key) => keys.includes(key))).not.toEqual([]);
  });
});
