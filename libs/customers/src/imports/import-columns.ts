/**
 * From the columns of a file to the fields of a customer. Columns are found by their names, whatever their case, blanks
 * and dashes, or by a map; one that is neither known nor mapped is refused, so that nothing is left out unnoticed.
 */
import { DomainError } from '@timeline/kernel';
import type { IdentityKind } from '../customers.events.js';

/** Header → field; `null` leaves the column out. */
export type ColumnMap = Readonly<Record<string, string | null>>;

export const isColumnMap = (value: unknown): value is ColumnMap =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((field) => field === null || typeof field === 'string');

const IDENTITIES = ['email', 'phone', 'wechat', 'weibo', 'member', 'device'] as const satisfies IdentityKind[];
const PLAIN = [
  'externalId',
  'kind',
  'name',
  'givenName',
  'familyName',
  'birthDate',
  'address.line1',
  'address.line2',
  'address.city',
  'address.state',
  'address.postalCode',
  'address.country',
  'language',
  'region',
  'stage',
  'note',
  'occurredAt',
] as const;

/** Named in messages and documentation. */
export const FIELDS = [
  ...PLAIN,
  ...IDENTITIES.map((kind) => `${kind}, ${kind}.2 …`),
  'external.SYSTEM',
  'traits.NAME',
  'consents.PURPOSE',
].join(', ');

const ALIASES: Readonly<Record<string, string>> = {
  id: 'externalId',
  customerid: 'externalId',
  fullname: 'name',
  firstname: 'givenName',
  forename: 'givenName',
  lastname: 'familyName',
  surname: 'familyName',
  mail: 'email',
  emailaddress: 'email',
  telephone: 'phone',
  phonenumber: 'phone',
  mobile: 'phone',
  mobilephone: 'phone',
  membernumber: 'member',
  memberid: 'member',
  dateofbirth: 'birthDate',
  birthday: 'birthDate',
  street: 'address.line1',
  address: 'address.line1',
  addressline1: 'address.line1',
  addressline2: 'address.line2',
  city: 'address.city',
  state: 'address.state',
  province: 'address.state',
  postalcode: 'address.postalCode',
  postcode: 'address.postalCode',
  zip: 'address.postalCode',
  zipcode: 'address.postalCode',
  country: 'address.country',
  lifecyclestage: 'stage',
  notes: 'note',
};

const folded = (name: string): string =>
  name
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[\s_-]/g, '');
const KNOWN = new Map([...PLAIN, ...IDENTITIES].map((field) => [folded(field), field as string]));

/** The field that a name means; undefined where there is none. */
export function fieldOf(name: string): string | undefined {
  const trimmed = name.trim();
  const known = KNOWN.get(folded(trimmed)) ?? ALIASES[folded(trimmed)];
  if (known !== undefined) return known;
  if (/^(email|phone|wechat|weibo|member|device)\.[2-9]$/i.test(trimmed)) return trimmed.toLowerCase();
  const [, prefix = '', rest = ''] = /^(traits|consents|external)\.(.+)$/i.exec(trimmed) ?? [];
  return prefix === '' ? undefined : `${prefix.toLowerCase()}.${rest}`;
}

export interface Column {
  /** From 1. */
  number: number;
  /** As the file names it. */
  header: string;
  field: string;
}

/** @throws DomainError IMPORT_COLUMNS_REFUSED: all that is wrong with the header at once */
export function columnsOf(header: readonly string[], map: ColumnMap = {}): Column[] {
  const problems: string[] = [];
  const columns: Column[] = [];
  const byField = new Map<string, Column>();
  const mapped = new Map(Object.entries(map).map(([name, field]) => [name.trim(), field]));
  header.forEach((given, index) => {
    const name = given.trim();
    const at = `column ${index + 1}`;
    if (name === '') return void problems.push(`${at} has no name`);
    const wanted = mapped.get(name);
    mapped.delete(name);
    if (wanted === null) return;
    const field = fieldOf(wanted ?? name);
    if (field === undefined) {
      problems.push(
        wanted === undefined
          ? `${at} “${name}” is unknown: rename it, map it to a field, or map it to null to leave it out`
          : `${at} “${name}” is mapped to “${wanted}”, which is no field`,
      );
      return;
    }
    const before = byField.get(field);
    if (before) problems.push(`${at} “${name}” and column ${before.number} “${before.header}” both mean ${field}`);
    const column = { number: index + 1, header: name, field };
    byField.set(field, column);
    columns.push(column);
  });
  for (const name of mapped.keys()) problems.push(`the map names a column “${name}” that the file does not have`);
  if (columns.length === 0 && problems.length === 0) problems.push('the file has no columns that say anything');
  if (problems.length > 0) {
    throw new DomainError('IMPORT_COLUMNS_REFUSED', `${problems.join('; ')}. Fields are ${FIELDS}`, { problems });
  }
  return columns;
}

export interface Cell {
  column: Column;
  /** Text of a CSV; in NDJSON any JSON scalar. */
  value: unknown;
}

/** What one row says, as `ImportCustomer` takes it, and which column each member came from. */
export interface RowData {
  data: Record<string, unknown>;
  /** JSON pointer → column. */
  origins: Map<string, Column>;
}

/** Empty cells say nothing. */
export function rowDataOf(cells: readonly Cell[]): RowData {
  const data: Record<string, unknown> = {};
  const origins = new Map<string, Column>();
  const identities: object[] = [];
  const lines: unknown[] = [];
  const consents: object[] = [];
  const parts: Record<'name' | 'address' | 'traits', Record<string, unknown>> = { name: {}, address: {}, traits: {} };
  const put = (part: keyof typeof parts, member: string, { column, value }: Cell): void => {
    parts[part][member] = value;
    origins.set(`/${part}/${member}`, column);
  };
  const identify = (cell: Cell, identity: object): void => {
    origins.set(`/identities/${identities.length}`, cell.column);
    identities.push({ ...identity, value: textOf(cell.value) });
  };
  for (const given of cells) {
    const value = typeof given.value === 'string' ? given.value.trim() : given.value;
    if (value === '' || value === null || value === undefined) continue;
    const cell = { column: given.column, value };
    const { field } = given.column;
    const [first = '', ...others] = field.split('.');
    const rest = others.join('.');
    if (field === 'name') put('name', 'full', cell);
    else if (field === 'givenName') put('name', 'given', cell);
    else if (field === 'familyName') put('name', 'family', cell);
    else if (field === 'address.line1' || field === 'address.line2') {
      origins.set(`/address/lines/${lines.length}`, cell.column);
      lines.push(value);
    } else if (first === 'address') put('address', rest, cell);
    else if (first === 'traits') put('traits', rest, cell);
    else if (first === 'consents') {
      // `granted` or `granted@version of the text shown`.
      const [status = '', ...version] = String(value).split('@');
      origins.set(`/consents/${consents.length}`, cell.column);
      consents.push({ purpose: rest, status: status.trim(), textVersion: version.join('@').trim() || 'not stated' });
    } else if (first === 'external') identify(cell, { kind: 'external', system: rest });
    else if ((IDENTITIES as readonly string[]).includes(first)) identify(cell, { kind: first });
    else {
      data[field] = field === 'externalId' ? textOf(value) : value;
      origins.set(`/${field}`, cell.column);
    }
  }
  const { name, address, traits } = parts;
  if (lines.length > 0) address['lines'] = lines;
  if (name['full'] === undefined && (name['given'] !== undefined || name['family'] !== undefined)) {
    name['full'] = fullName(name['given'], name['family']);
    const origin = origins.get('/name/given') ?? origins.get('/name/family');
    if (origin) origins.set('/name/full', origin);
  }
  if (Object.keys(name).length > 0) data['name'] = name;
  if (Object.keys(address).length > 0) data['address'] = address;
  if (Object.keys(traits).length > 0) data['traits'] = traits;
  if (identities.length > 0) data['identities'] = identities;
  if (consents.length > 0) data['consents'] = consents;
  return { data, origins };
}

/** A number that is an id in JSON. */
const textOf = (value: unknown): unknown => (typeof value === 'number' ? String(value) : value);

const HAN = /^\p{Script=Han}+$/u;
/** Chinese names are written without a blank, the family name first. */
function fullName(given: unknown, family: unknown): unknown {
  const texts = [given, family].filter((part) => typeof part === 'string');
  if (texts.length === 2 && texts.every((part) => HAN.test(part))) return `${String(family)}${String(given)}`;
  return texts.length > 0 ? texts.join(' ') : (given ?? family);
}

/** The column that a violation is about: that of the pointer, or of what it is a part of. */
export function columnAt({ origins }: RowData, pointer: string): Column | undefined {
  for (let at = pointer; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
    const column = origins.get(at);
    if (column) return column;
  }
  // Of a whole that is made of several columns, the first.
  return [...origins].find(([each]) => each.startsWith(`${pointer}/`))?.[1];
}
