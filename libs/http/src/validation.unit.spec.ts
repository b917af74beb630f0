import { DomainError, FaultError } from '@timeline/kernel';
import { Allow, IsEmail, IsOptional, IsString, validateSync, ValidateNested } from 'class-validator';
import { text, whole } from './field-types.js';
import {
  Check,
  Currency,
  DecimalAmount,
  Flag,
  Id,
  Instant,
  JsonDocument,
  ListOf,
  MapOf,
  Nested,
  NestedArray,
  NestedByKind,
  Nullable,
  OneOf,
  Optional,
  PlainDate,
  Text,
  Whole,
} from './fields.js';
import { parseJsonStrict } from './json-strict.js';
import { validateDto, validateQuery, ValidationError, violation } from './validation.js';

class Address {
  @Text({ max: 100 })
  city: string;

  @Optional()
  @Text({ max: 10 })
  postalCode?: string;
}

class Line {
  @Text()
  sku: string;

  @Whole({ min: 1, max: 1000 })
  quantity: number;

  @DecimalAmount({ min: '0', maxPlaces: 4 })
  price: string;
}

@Check<Order>(
  (order) => (order.until < order.from ? [violation('/until', 'BEFORE_FROM', 'must not be before from')] : []),
  { meaning: 'until is not before from' },
)
class Order {
  @Id()
  id: string;

  @Instant()
  from: string;

  @Instant()
  until: string;

  @Currency()
  currency: string;

  @Nested(() => Address)
  address: Address;

  @NestedArray(() => Line, { min: 1, max: 3 })
  lines: Line[];

  @Optional()
  @ListOf(text({ max: 5 }), { max: 3, unique: true })
  tags?: string[];

  @Optional()
  @MapOf(text({ max: 5 }))
  attributes?: Record<string, string>;

  @Optional()
  @Nullable()
  @PlainDate()
  birthday?: string | null;

  @Optional()
  @OneOf(['store', 'web'])
  channel?: string;

  @Optional()
  @Flag()
  isGift?: boolean;
}

const good = (): Record<string, unknown> => ({
  id: '6F9619FF-8B86-4D01-B42D-00CF4FC964FF',
  from: '2024-02-29T23:30:00+08:00',
  until: '2024-03-01T00:00:00Z',
  currency: 'EUR',
  address: { city: 'Lyon' },
  lines: [{ sku: 'A1', quantity: 2, price: '12.5000' }],
});

const violationsOf = (run: () => unknown): string[] => {
  try {
    run();
  } catch (error) {
    if (error instanceof ValidationError) return error.violations.map(({ pointer, code }) => `${pointer} ${code}`);
    throw error;
  }
  return [];
};
const refused = (change: Record<string, unknown>): string[] =>
  violationsOf(() => validateDto(Order, { ...good(), ...change }));

describe('validating a body', () => {
  it('answers an instance of the class, with instants in UTC milliseconds and ids in lower case', () => {
    const order = validateDto(Order, good());
    expect(order).toBeInstanceOf(Order);
    expect(order.address).toBeInstanceOf(Address);
    expect(order.lines[0]).toBeInstanceOf(Line);
    expect(order.from).toBe('2024-02-29T15:30:00.000Z');
    expect(order.id).toBe('6f9619ff-8b86-4d01-b42d-00cf4fc964ff');
    expect(Object.keys(order)).not.toContain('tags');
  });

  it('names every violation at once, each by its pointer', () => {
    expect(
      refused({ currency: 'eur', lines: [{ sku: '', quantity: 1.5, price: 9.99, extra: 1 }], address: {} }),
    ).toEqual([
      '/currency NOT_A_CURRENCY',
      '/address/city REQUIRED',
      '/lines/0/extra UNKNOWN_FIELD',
      '/lines/0/sku NOT_TEXT',
      '/lines/0/quantity NOT_A_WHOLE_NUMBER',
      '/lines/0/price NOT_A_DECIMAL',
    ]);
  });

  it.each([null, undefined, [], [good()], 'text', 5, true])('refuses a body that is %j and not an object', (body) => {
    expect(violationsOf(() => validateDto(Order, body))).toEqual([' NOT_AN_OBJECT']);
  });

  it.each([[[]], [[{ city: 'Lyon' }]], [null], ['Lyon'], [5]])('refuses %j for a nested object', (address) => {
    expect(refused({ address })).toEqual([address === null ? '/address NULL' : '/address NOT_AN_OBJECT']);
  });

  it.each(['toString', '__proto__', 'constructor', 'hasOwnProperty', 'valueOf', 'nmae'])(
    'refuses the unknown field %s',
    (name) => {
      const body = parseJsonStrict(`{"city":"Lyon","${name}":{"a":1}}`);
      expect(violationsOf(() => validateDto(Address, body))).toEqual([`/${name} UNKNOWN_FIELD`]);
    },
  );

  it('does not take an inherited member for one that was sent', () => {
    expect(violationsOf(() => validateDto(Address, Object.create({ city: 'Lyon' })))).toEqual(['/city REQUIRED']);
  });

  it('lets an optional member be absent, but not null', () => {
    expect(refused({ channel: undefined })).toEqual([]);
    expect(refused({ channel: null })).toEqual(['/channel NULL']);
  });

  it('keeps null apart where a member may be null', () => {
    expect(validateDto(Order, { ...good(), birthday: null }).birthday).toBeNull();
    expect(validateDto(Order, good()).birthday).toBeUndefined();
  });

  it('converts nothing', () => {
    expect(refused({ isGift: 'true' })).toEqual(['/isGift NOT_A_BOOLEAN']);
    expect(refused({ lines: [{ sku: 'A', quantity: '2', price: '1' }] })).toEqual([
      '/lines/0/quantity NOT_A_WHOLE_NUMBER',
    ]);
    expect(refused({ tags: 'a' })).toEqual(['/tags NOT_AN_ARRAY']);
    expect(refused({ lines: { 0: { sku: 'A', quantity: 2, price: '1' } } })).toEqual(['/lines NOT_AN_ARRAY']);
  });

  it('counts the items of a list and finds the one that is there twice', () => {
    expect(refused({ lines: [] })).toEqual(['/lines WRONG_NUMBER_OF_ITEMS']);
    expect(refused({ tags: ['a', 'b', 'c', 'd'] })).toEqual(['/tags WRONG_NUMBER_OF_ITEMS']);
    expect(refused({ tags: ['a', 'b', 'a'] })).toEqual(['/tags/2 NOT_UNIQUE']);
  });

  it('checks keys and values of a map', () => {
    expect(refused({ attributes: { size: 'XL' } })).toEqual([]);
    expect(refused({ attributes: { 'a b': 'x', size: 5 } })).toEqual([
      '/attributes/a b KEY_NOT_ALLOWED',
      '/attributes/size NOT_TEXT',
    ]);
    expect(refused({ attributes: parseJsonStrict('{"__proto__":"x"}') })).toEqual([
      '/attributes/__proto__ KEY_NOT_ALLOWED',
    ]);
  });

  it('checks rules over several fields once each field is right', () => {
    expect(refused({ until: '2024-02-28T00:00:00Z' })).toEqual(['/until BEFORE_FROM']);
    expect(refused({ until: '2024-02-28' })).toEqual(['/until NOT_AN_INSTANT']);
  });

  it('says with money that a JSON number is not exact', () => {
    expect(() => validateDto(Line, { sku: 'A', quantity: 1, price: 12.5 })).toThrow('must be a string such as "12.50"');
  });

  it('never quotes a value', () => {
    const attempt = (): unknown =>
      validateDto(Address, { city: 'ann@example.org\u0007', postalCode: 'ann@example.org' });
    expect(attempt).toThrow(DomainError);
    expect(attempt).not.toThrow('ann@example.org');
  });

  it('stops counting violations at a hundred', () => {
    const body = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`x${index}`, 1]));
    expect(violationsOf(() => validateDto(Address, body))).toHaveLength(100);
  });

  it('is also what class-validator itself finds', () => {
    const address = Object.assign(new Address(), { city: '' });
    expect(validateSync(address)[0]?.constraints).toEqual({ timelineField: 'city must not be empty' });
    expect(validateSync(Object.assign(new Address(), { city: 'Lyon' }))).toEqual([]);
  });
});

describe('instants', () => {
  class Moment {
    @Instant()
    at: string;
  }
  it.each([
    ['2024-02-29T12:00:00Z', '2024-02-29T12:00:00.000Z'],
    ['2024-02-29T12:00:00.1234567+05:30', '2024-02-29T06:30:00.123Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
    ['2000-02-29T00:00:00-00:00', '2000-02-29T00:00:00.000Z'],
  ])('normalises %s', (given, utc) => {
    expect(validateDto(Moment, { at: given }).at).toBe(utc);
  });
  it.each([
    '2023-02-29T12:00:00Z',
    '1900-02-29T00:00:00Z',
    '2024-02-30T12:00:00Z',
    '2024-04-31T12:00:00Z',
    '2024-13-01T12:00:00Z',
    '2024-02-29T24:00:00Z',
    '2024-02-29T12:60:00Z',
    '2024-02-29T12:00:60Z',
    '2024-02-29T12:00:00',
    '2024-02-29 12:00:00Z',
    '2024-02-29',
    '2024-02-29T12:00Z',
    '2024-02-29t12:00:00z',
    '0000-01-01T00:00:00Z',
    '0001-01-01T00:00:00+01:00',
    '9999-12-31T23:59:59-01:00',
    '+012024-02-29T12:00:00Z',
    '2024-02-29T12:00:00+24:00',
    ' 2024-02-29T12:00:00Z',
    1709208000000,
  ])('refuses %j', (at) => {
    expect(violationsOf(() => validateDto(Moment, { at }))).toEqual(['/at NOT_AN_INSTANT']);
  });
});

describe('text', () => {
  class Note {
    @Text({ max: 10 })
    body: string;
  }
  it.each(['a', '张伟', '😀'.repeat(10), 'a\nb\tc', 'مرحبا', '👩‍👩‍👧'])('takes %j', (body) => {
    expect(validateDto(Note, { body }).body).toBe(body);
  });
  it('writes line breaks in one way', () => {
    expect(validateDto(Note, { body: 'a\r\nb' }).body).toBe('a\nb');
  });
  it.each(['', '   ', '\n\t', '\u200b', '\u200b\u200d\ufeff', '\u00a0', '\u3000', '\u2800', '\u3164', '\u00ad'])(
    'refuses %j, in which nothing is to be seen',
    (body) => {
      expect(violationsOf(() => validateDto(Note, { body }))).toEqual(['/body NOT_TEXT']);
    },
  );
  it.each(['a\0b', 'a\u0007', 'a\u001b[31m', 'a\u007f', 'a\u0085', 'a\rb', 'a\ud800', '😀'.repeat(11)])(
    'refuses %j',
    (body) => {
      expect(violationsOf(() => validateDto(Note, { body }))).toEqual(['/body NOT_TEXT']);
    },
  );
});

describe('decimals', () => {
  class Price {
    @DecimalAmount({ min: '-5', max: '100', maxPlaces: 2 })
    amount: string;
  }
  it.each(['0', '-5', '100.00', '99.99', '007'])('takes %j', (amount) => {
    expect(validateDto(Price, { amount }).amount).toBe(amount);
  });
  it.each(['-5.01', '100.01', '1.234', '1.', '.5', '1e2', '+1', '1,5', '', ' 1', 'NaN', '1'.repeat(19), 1, null])(
    'refuses %j',
    (amount) => {
      expect(violationsOf(() => validateDto(Price, { amount }))).toHaveLength(1);
    },
  );
  it('refuses a minus sign where the least is zero', () => {
    expect(violationsOf(() => validateDto(Line, { sku: 'a', quantity: 1, price: '-0' }))).toEqual([
      '/price NOT_A_DECIMAL',
    ]);
  });
});

describe('one of several kinds', () => {
  class Person {
    @OneOf(['person'])
    kind: 'person';
    @Text()
    name: string;
  }
  class Company {
    @OneOf(['company'])
    kind: 'company';
    @Text()
    legalName: string;
  }
  class Customer {
    @NestedByKind('kind', () => ({ person: Person, company: Company }))
    who: Person | Company;
  }
  it('is read as the class of its kind', () => {
    expect(validateDto(Customer, { who: { kind: 'company', legalName: 'Acme' } }).who).toBeInstanceOf(Company);
  });
  it.each([
    [{ kind: 'person', legalName: 'Acme' }, ['/who/legalName UNKNOWN_FIELD', '/who/name REQUIRED']],
    [{ kind: 'toString' }, ['/who/kind NOT_ONE_OF']],
    [{ name: 'Ann' }, ['/who/kind NOT_ONE_OF']],
    [[], ['/who NOT_AN_OBJECT']],
  ])('refuses %j', (who, expected) => {
    expect(violationsOf(() => validateDto(Customer, { who }))).toEqual(expected);
  });
});

describe('a free JSON document', () => {
  class Rule {
    @JsonDocument({ maxBytes: 50 })
    rule: object;
  }
  it('is any object of bounded size without __proto__', () => {
    expect(validateDto(Rule, { rule: { and: [{ a: 1 }] } }).rule).toEqual({ and: [{ a: 1 }] });
    expect(violationsOf(() => validateDto(Rule, { rule: { long: 'x'.repeat(60) } }))).toEqual(['/rule TOO_LARGE']);
    expect(violationsOf(() => validateDto(Rule, { rule: parseJsonStrict('{"a":[{"__proto__":1}]}') }))).toEqual([
      '/rule KEY_NOT_ALLOWED',
    ]);
  });
});

describe('the declaration of a class', () => {
  it("runs class-validator's own rules beside a field type", () => {
    class Contact {
      @Text()
      @IsEmail()
      email: string;
    }
    expect(violationsOf(() => validateDto(Contact, { email: 'nobody' }))).toEqual(['/email IS_EMAIL']);
    expect(validateDto(Contact, { email: 'ann@example.org' }).email).toBe('ann@example.org');
  });

  it('inherits fields and rules', () => {
    class LongOrder extends Order {
      @Text()
      reason: string;
    }
    expect(
      violationsOf(() => validateDto(LongOrder, { ...good(), until: '2024-02-28T00:00:00Z', reason: 'x' })),
    ).toEqual(['/until BEFORE_FROM']);
    expect(violationsOf(() => validateDto(LongOrder, good()))).toEqual(['/reason REQUIRED']);
  });

  it('refuses @IsOptional, which would let null through', () => {
    class Bad {
      @IsOptional()
      @Text()
      name?: string;
    }
    expect(() => validateDto(Bad, {})).toThrow(FaultError);
  });
  it('refuses @ValidateNested, which would let an array through', () => {
    class Bad {
      @ValidateNested()
      address: Address;
    }
    expect(() => validateDto(Bad, {})).toThrow(FaultError);
  });
  it('refuses a member without a field type', () => {
    class Loose {
      @IsString()
      name: string;
    }
    class Looser {
      @Allow()
      name: string;
    }
    expect(() => validateDto(Loose, {})).toThrow('has no field type');
    expect(() => validateDto(Looser, {})).toThrow(FaultError);
  });
});

describe('validating a query', () => {
  class Search {
    @Optional()
    @Whole({ min: 1, max: 200 })
    limit: number = 50;
    @Optional()
    @ListOf(text({ max: 10 }), { max: 3 })
    channel?: string[];
    @Optional()
    @ListOf(whole())
    years?: number[];
    @Optional()
    @Flag()
    open?: boolean;
    @Optional()
    @Instant()
    asOf?: string;
  }
  it('reads numbers, booleans and lists from their text', () => {
    const query = validateQuery(Search, { limit: '10', channel: 'phone,email', years: '2023,2024', open: 'false' });
    expect({ ...query }).toEqual({ limit: 10, channel: ['phone', 'email'], years: [2023, 2024], open: false });
  });
  it('sets defaults', () => {
    expect(validateQuery(Search, {}).limit).toBe(50);
  });
  it.each([
    [{ limit: ['1', '2'] }, '/limit REPEATED_PARAMETER'],
    [{ limit: '1e2' }, '/limit NOT_A_WHOLE_NUMBER'],
    [{ limit: '0x10' }, '/limit NOT_A_WHOLE_NUMBER'],
    [{ limit: '' }, '/limit NOT_A_WHOLE_NUMBER'],
    [{ limit: '201' }, '/limit NOT_A_WHOLE_NUMBER'],
    [{ open: '1' }, '/open NOT_A_BOOLEAN'],
    [{ page: '2' }, '/page UNKNOWN_PARAMETER'],
    [{ toString: 'x' }, '/toString UNKNOWN_PARAMETER'],
    [{ channel: 'a,,b' }, '/channel/1 NOT_TEXT'],
    [{ channel: 'a\0' }, '/channel NOT_TEXT'],
  ])('refuses %j', (query, expected) => {
    expect(violationsOf(() => validateQuery(Search, query))).toEqual([expected]);
  });
  it('says how a plus sign is written when an offset lost it', () => {
    expect(() => validateQuery(Search, { asOf: '2024-01-01T00:00:00 08:00' })).toThrow('%2B');
  });
  it('says that it is the query', () => {
    try {
      validateQuery(Search, { limit: 'x' });
      throw new Error('nothing was refused');
    } catch (error) {
      expect(error instanceof ValidationError && error.violations[0]?.in).toBe('query');
    }
  });
});
