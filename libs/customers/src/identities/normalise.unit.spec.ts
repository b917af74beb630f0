/** What counts as the same identity, and what as none. */
import { DomainError } from '@timeline/kernel';
import fc from 'fast-check';
import { IDENTITY_KINDS, type IdentityKind } from '../customers.events.js';
import { normaliseIdentity, type GivenIdentity } from './normalise.js';

const US = { defaultPhoneRegion: 'US' } as const;
const CN = { defaultPhoneRegion: 'CN' } as const;
const normal = (identity: GivenIdentity, options: typeof US | typeof CN = US): string =>
  normaliseIdentity(identity, options).value;

describe('e-mail addresses', () => {
  it.each([
    ['Ann.Lee@Example.COM', 'ann.lee@example.com'],
    ['  ann@example.com ', 'ann@example.com'],
    ['ann+news@example.com', 'ann+news@example.com'],
    ['A.n.n+news@GMail.com', 'ann@gmail.com'],
    ['ann@googlemail.com', 'ann@gmail.com'],
    ['ann@Bücher.example', 'ann@xn--bcher-kva.example'],
    ['ann@xn--BCHER-kva.example', 'ann@xn--bcher-kva.example'],
    ['王小明@例え。テスト', '王小明@xn--r8jz45g.xn--zckzah'],
    ['ａｎｎ＠ｅｘａｍｐｌｅ．ｃｏｍ', 'ann@example.com'],
    ["o'hara@example.com", "o'hara@example.com"],
    ['ZOË@example.com', 'zoë@example.com'],
    ['zoe\u0308@example.com', 'zoë@example.com'],
    [`${'a'.repeat(64)}@example.com`, `${'a'.repeat(64)}@example.com`],
  ])('%s is %s', (value, expected) => expect(normal({ kind: 'email', value })).toBe(expected));

  it.each([
    'ann',
    '@example.com',
    'ann@',
    'ann@example',
    'ann@.com',
    'ann@example..com',
    'ann@-example.com',
    'ann@127.0.0.1',
    'ann@[127.0.0.1]',
    'ann@example.com/path',
    'ann@example.com:25',
    'ann@ex%61mple.com',
    'ann lee@example.com',
    '.ann@example.com',
    'ann.@example.com',
    'an..n@example.com',
    '"ann lee"@example.com',
    'ann@lee@example.com',
    '+tag@gmail.com',
    'null@example.com',
    'undefined@example.com',
    `${'a'.repeat(65)}@example.com`,
    `ann@${'a'.repeat(64)}.com`,
    `ann@${Array.from({ length: 63 }, () => 'abc').join('.')}.com`,
  ])('%s is refused', (value) => expect(() => normal({ kind: 'email', value })).toThrow(refusedAt('/value')));
});

describe('phone numbers', () => {
  it.each([
    ['(650) 253-0000', US, '+16502530000'],
    ['1 650 253 0000', US, '+16502530000'],
    ['+1 650-253-0000', CN, '+16502530000'],
    ['tel:+1-650-253-0000', US, '+16502530000'],
    ['138 0013 8000', CN, '+8613800138000'],
    ['+86 138 0013 8000', US, '+8613800138000'],
    ['0086 13800138000', CN, '+8613800138000'],
    ['＋１６５０２５３００００', US, '+16502530000'],
    ['+44 (0) 20 7946 0958', US, '+442079460958'],
  ])('%s is %s', (value, options, expected) => expect(normal({ kind: 'phone', value }, options)).toBe(expected));

  it.each([
    '12',
    'call me',
    '+1 650 253 0000 ext 5',
    '+999 12345678',
    '000-000-0000',
    '+1 000 000 0000',
    '0',
    '1-800-FLOWERS',
  ])('%s is refused', (value) => expect(() => normal({ kind: 'phone', value })).toThrow(refusedAt('/value')));
});

describe('ids', () => {
  it.each(['wechat', 'weibo', 'member', 'device'] as const)(
    'of %s are trimmed and composed, case and all kept',
    (kind) => {
      expect(normal({ kind, value: '  oX-12 e\u0301 ' })).toBe('oX-12 é');
    },
  );

  it('of another system are that system’s, however its name is written', () => {
    const identity = normaliseIdentity({ kind: 'external', value: ' 4711 ', system: ' CRM ' }, US);
    expect(identity).toEqual({ kind: 'external', value: '4711', given: '4711', system: 'crm' });
  });

  it('need a system exactly where they are external', () => {
    expect(() => normal({ kind: 'external', value: '4711' })).toThrow(refusedAt('/system'));
    expect(() => normal({ kind: 'external', value: '4711', system: ' ' })).toThrow(refusedAt('/system'));
    expect(() => normal({ kind: 'external', value: '4711', system: 'undefined' })).toThrow(refusedAt('/system'));
    expect(() => normal({ kind: 'member', value: '4711', system: 'crm' })).toThrow(refusedAt('/system'));
  });
});

describe('what is nobody’s', () => {
  const placeholders = [
    'null',
    'NULL',
    ' undefined ',
    '-1',
    'guest',
    'Anonymous',
    '[object Object]',
    'none',
    'N/A',
    'n.a.',
    'NaN',
    '0',
    '0000',
    '00000000-0000-0000-0000-000000000000',
    '000.000',
    '-',
    '   ',
    '匿名',
  ];
  it.each(IDENTITY_KINDS.flatMap((kind) => placeholders.map((value) => [kind, value] as const)))(
    'is refused: %s %s',
    (kind, value) => expect(() => normal(ofKind(kind, value))).toThrow(refusedAt('/value')),
  );

  it('is told by the field’s pointer, without its value', () => {
    expect.assertions(2);
    try {
      normaliseIdentity({ kind: 'member', value: 'guest' }, US, '/identities/3');
    } catch (error) {
      expect(error).toMatchObject({ code: 'IDENTITY_REFUSED', details: { pointer: '/identities/3/value' } });
      expect(String(error)).not.toContain('guest');
    }
  });
});

describe('a normal form', () => {
  it('is its own normal form, whatever was given', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...IDENTITY_KINDS),
        fc.oneof(
          fc.emailAddress(),
          fc.string({ unit: 'grapheme', maxLength: 40 }),
          fc.stringMatching(/^\+?[0-9 ]{5,15}$/),
        ),
        (kind, value) => {
          const first = orRefused(() => normal(ofKind(kind, value)));
          if (first === undefined) return;
          expect(normal(ofKind(kind, first))).toBe(first);
        },
      ),
      { numRuns: 500 },
    );
  });
});

const ofKind = (kind: IdentityKind, value: string): GivenIdentity => ({
  kind,
  value,
  ...(kind === 'external' && { system: 'crm' }),
});

const refusedAt = (pointer: string): Error =>
  expect.objectContaining({ code: 'IDENTITY_REFUSED', details: { pointer } }) as Error;

function orRefused<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof DomainError) return undefined;
    throw error;
  }
}
