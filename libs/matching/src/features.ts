/** What of a record is compared, in the one form in which it is. Plain JSON, so that it can be stored. */
import { addressOf, type Address, type GivenAddress } from './addresses.js';
import { nameOf, type Name } from './names.js';
import { foldText } from './text.js';

export interface GivenRecord {
  kind: 'person' | 'company';
  name?: { full?: string; given?: string; family?: string };
  /** `YYYY-MM-DD`; with other separators or none too. */
  birthDate?: string;
  address?: GivenAddress;
  phones?: readonly string[];
  emails?: readonly string[];
  /** Numbers that identify, each of a named system. */
  ids?: readonly { system: string; value: string }[];
}

export interface Features {
  kind: 'person' | 'company';
  /** Of a company its whole name stands as `family`. */
  name: Name;
  /** Eight digits. */
  birth?: string;
  address: Address;
  /** Digits, without what leads into a country or out of it. */
  phones: string[];
  emails: string[];
  /** `system:value`. */
  ids: string[];
}

/** More than anybody has; bounds a comparison. */
const MOST = 10;

export function featuresOf(record: GivenRecord): Features {
  const birth = record.birthDate?.replaceAll(/\D/g, '') ?? '';
  const { full = '', family = full } = record.name ?? {};
  return {
    kind: record.kind,
    name: record.kind === 'company' ? nameOf({ family: companyName(family) }) : nameOf(record.name ?? {}),
    ...(birth !== '' && { birth }),
    address: addressOf(record.address ?? {}),
    phones: distinct((record.phones ?? []).map(phoneOf)),
    emails: distinct((record.emails ?? []).map(emailOf)),
    ids: distinct(
      (record.ids ?? []).flatMap(({ system, value }) => {
        const id = foldText(value).replaceAll(' ', '');
        return id === '' ? [] : [`${foldText(system)}:${id}`];
      }),
    ),
  };
}

const distinct = (values: readonly string[]): string[] =>
  [...new Set(values)]
    .filter((value) => value !== '')
    .sort()
    .slice(0, MOST);

const LEGAL_FORM =
  /(股份有限公司|有限责任公司|有限公司|公司|集团)$|\b(incorporated|inc|ltd|limited|llc|corp|corporation|company|co|gmbh|ag|plc|sa|bv)\b/gu;
const companyName = (name: string): string => foldText(name).replaceAll(LEGAL_FORM, '') || name;

/** The digits; a Chinese mobile number also without its country code. */
function phoneOf(given: string): string {
  const text = given.normalize('NFKC');
  const digits = text.replaceAll(/\D/g, '').replace(/^0+/, '');
  return /^86\d{11}$/.test(digits) ? digits.slice(2) : digits;
}

/** One mailbox has one form: no case, no tag, and no dots where Gmail ignores them. */
function emailOf(given: string): string {
  const text = given.normalize('NFKC').trim().toLowerCase();
  const at = text.lastIndexOf('@');
  if (at <= 0) return '';
  const domain = text.slice(at + 1).replace(/^googlemail\.com$/, 'gmail.com');
  const local = text.slice(0, at).replace(/\+.*$/, '');
  return `${domain === 'gmail.com' ? local.replaceAll('.', '') : local}@${domain}`;
}
