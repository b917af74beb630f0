/**
 * Identities are compared in one normal form. What is nobody's (`null`, `guest`, all zeros …) is refused, since it
 * would make strangers one person. Refusals name the field and never quote the value.
 */
import { DomainError } from '@timeline/kernel';
import { domainOf, EMAIL_LIMITS, isEmailLength, mailboxOf } from '@timeline/standards';
import { parsePhoneNumberFromString, type CountryCode } from 'libphonenumber-js/core';
import numbering from 'libphonenumber-js/max/metadata';
import type { IdentityKind } from '../customers.events.js';

export interface GivenIdentity {
  kind: IdentityKind;
  value: string;
  /** The system that gave it; for `external`, and only there. */
  system?: string;
}

export interface NormalisedIdentity {
  kind: IdentityKind;
  /** As compared. */
  value: string;
  /** As it was given, without blanks around it. */
  given: string;
  system?: string;
}

export interface NormalisingOptions {
  /** ISO 3166-1 alpha-2: whose numbers are those without a country code. */
  defaultPhoneRegion: CountryCode;
}

export type Normalise = typeof normaliseIdentity;

/**
 * The ways of normalising in use, the oldest first. Each identity is claimed under all of them, so that processes that know
 * only the older one and those that know both cannot give it to two customers. A new way is brought in like this:
 *
 * 1. It is listed behind the one it replaces, in every process that takes commands. From then on whoever comes is claimed
 *    under both, and found under either.
 * 2. Every identity that was there before is added again to its customer (`AddIdentity`), which claims it under the new
 *    form. Who is refused (`IDENTITY_TAKEN`) is by the new form the same as somebody else: merge the two, or leave the
 *    identity to one of them.
 * 3. Only when none is left is the old one taken from the list.
 */
export const NORMALISATIONS: readonly [Normalise, ...Normalise[]] = [normaliseIdentity];

/**
 * @param pointer JSON pointer to the identity in the request
 * @throws DomainError IDENTITY_REFUSED
 */
export function normaliseIdentity(
  identity: GivenIdentity,
  options: NormalisingOptions,
  pointer = '',
): NormalisedIdentity {
  const refuse: Refuse = (reason, member = 'value') => {
    const at = `${pointer}/${member}`;
    throw new DomainError('IDENTITY_REFUSED', `${at} ${reason}`, { pointer: at });
  };
  const { kind } = identity;
  const given = identity.value.trim();
  // Full-width letters and digits, as Chinese and Japanese keyboards give them, are the same address or number.
  const text = (kind === 'email' || kind === 'phone' ? given.normalize('NFKC') : given.normalize('NFC')).trim();
  const system = systemOf(identity, refuse);
  if (isNobodys(text)) refuse('is a placeholder and identifies nobody; leave the identity out');
  return { kind, value: valueOf(kind, text, options, refuse), given, ...(system !== undefined && { system }) };
}

type Refuse = (reason: string, member?: 'value' | 'system') => never;

function systemOf({ kind, system }: GivenIdentity, refuse: Refuse): string | undefined {
  if (kind !== 'external') {
    return system === undefined ? undefined : refuse(`does not go with the kind ${kind}, only with external`, 'system');
  }
  const name = system?.normalize('NFC').trim().toLowerCase() ?? '';
  if (name === '') refuse('is required for an external identity: it is only unique within a system', 'system');
  if (isNobodys(name)) refuse('is a placeholder and names no system', 'system');
  return name;
}

function valueOf(kind: IdentityKind, text: string, options: NormalisingOptions, refuse: Refuse): string {
  switch (kind) {
    case 'email':
      return normaliseEmail(text, refuse);
    case 'phone':
      return normalisePhone(text, options.defaultPhoneRegion, refuse);
    case 'wechat':
    case 'weibo':
    case 'member':
    case 'external':
    case 'device':
      if (/\p{Cc}/u.test(text)) refuse('must not hold control characters');
      if (text.length > MAX_ID_LENGTH) refuse(`must have at most ${MAX_ID_LENGTH} characters`);
      return text;
    default:
      throw new Error(`no normal form for ${kind satisfies never}`);
  }
}

const MAX_ID_LENGTH = 320;

// prettier-ignore
const PLACEHOLDERS: ReadonlySet<string> = new Set([
  'null', '(null)', '<null>', 'nil', 'undefined', 'nan', '[object object]', 'none', 'n/a', 'na', 'n.a.', '-1', 'unknown',
  'guest', 'anonymous', 'anon', 'nobody', 'noname', 'no name', 'empty', 'not available', 'not applicable', 'true', 'false',
  '无', '未知', '匿名', '访客', '游客',
]);

/** Also what has neither a letter nor a digit other than zero: `0000`, `-`, `00000000-0000-…`. */
const isNobodys = (text: string): boolean => {
  const folded = text.toLowerCase();
  return folded === '' || PLACEHOLDERS.has(folded) || /^[\s\p{P}\p{S}0]*$/u.test(folded);
};

const GMAIL = new Set(['gmail.com', 'googlemail.com']);
const NOBODYS_MAILBOX = new Set(['null', 'undefined', 'none', 'nan', '-1', 'n/a']);

function normaliseEmail(text: string, refuse: Refuse): string {
  const at = text.lastIndexOf('@');
  if (at <= 0 || at === text.length - 1) return refuse('must be an e-mail address, such as name@example.com');
  let local =
    mailboxOf(text.slice(0, at)) ?? refuse('must be an e-mail address: what stands before @ is not a mailbox');
  const domain =
    domainOf(text.slice(at + 1)) ?? refuse('must be an e-mail address: what stands after @ is not a domain');
  if (NOBODYS_MAILBOX.has(local)) refuse('is a placeholder and identifies nobody; leave the identity out');
  const isGmail = GMAIL.has(domain);
  // Gmail delivers to the same mailbox whatever dots and +tag there are; elsewhere that may be another person.
  if (isGmail) local = (local.split('+')[0] ?? '').replaceAll('.', '');
  if (local === '') refuse('must be an e-mail address: there is no mailbox before its +tag');
  const host = isGmail ? 'gmail.com' : domain;
  if (!isEmailLength(local, host)) {
    refuse(
      `is longer than an e-mail address can be (${EMAIL_LIMITS.mailbox} bytes before @, ${EMAIL_LIMITS.all} in all)`,
    );
  }
  return `${local}@${host}`;
}

function normalisePhone(text: string, defaultCountry: CountryCode, refuse: Refuse): string {
  const number = parsePhoneNumberFromString(text.replace(/^tel:/i, ''), { defaultCountry, extract: false }, numbering);
  // Possible (by length), not valid (by range): the ranges that the library knows are older than those in use.
  if (!number?.isPossible()) {
    return refuse(`must be a phone number with its country code, such as +8613800138000, or one of ${defaultCountry}`);
  }
  if (/^0*$/.test(number.nationalNumber)) refuse('is a placeholder and identifies nobody; leave the identity out');
  if (number.ext) refuse('must not have an extension: the number is then that of a switchboard, not of a person');
  return number.number;
}
