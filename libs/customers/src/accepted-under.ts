/**
 * Holds what a command is about to record to the standards in force. It looks at the facts decided on, not at the request:
 * what changes nothing is not looked at again, and what a rule says about several fields is asked of the customer as the
 * command leaves it. A standard that looks at a field which changes is asked too, of the value that is there.
 */
import { DomainError, type Decision } from '@timeline/kernel';
import { externalField, fieldsOf, refusalsOf, type Standard, type Standards } from '@timeline/standards';
import type { Heard } from './candidates.js';
import type {
  CustomerEvent,
  CustomerKind,
  Identity,
  LifecycleStage,
  PersonName,
  PostalAddress,
} from './customers.events.js';
import { entryOf, type Latest } from './latest.js';

export interface Checks {
  standards: Standards;
  /** JSON pointers to the identities in the request, by hash. */
  pointers?: Readonly<Record<string, string>>;
}

/** What is known of the customer before the command. */
export interface Known extends Pick<Heard, 'fields' | 'traits'> {
  readonly kind?: CustomerKind;
  readonly stage?: Latest<LifecycleStage>;
  readonly identities: readonly Identity[];
}

interface Said {
  /** `undefined`: it is removed, or left out of a whole that is replaced. */
  value: unknown;
  pointer: string;
}

type Fields = ReadonlyMap<string, readonly Said[]>;
type Refused = { pointer: string; code: string; message: string };

/** The decisions, with the versions that accepted them. @throws DomainError STANDARD_REFUSED, all that is refused at once */
export function acceptedUnder(
  checks: Checks,
  decisions: Decision<CustomerEvent>[],
  known: Known,
): Decision<CustomerEvent>[] {
  const { accepted, refused, refusing } = judged(checks, decisions, known);
  if (refused.length > 0) throw refusal(refused, refusing);
  return accepted;
}

/** Those of the fields, each whole, with which an update is accepted: what is refused goes, and then what needed it. */
export function acceptableFields(
  checks: Checks,
  fields: readonly string[],
  updateOf: (fields: readonly string[]) => Decision<CustomerEvent>[],
  known: Known,
): string[] {
  const pointers = judged(checks, updateOf(fields), known).refused.map(({ pointer }) => pointer);
  const left = fields.filter((field) => {
    const own = `/${field.replace('.', '/')}`;
    return !pointers.some((pointer) => pointer === own || pointer.startsWith(`${own}/`));
  });
  return left.length === fields.length ? left : acceptableFields(checks, left, updateOf, known);
}

function judged(
  { standards, pointers = {} }: Checks,
  decisions: Decision<CustomerEvent>[],
  before: Known,
): { accepted: Decision<CustomerEvent>[]; refused: Refused[]; refusing: Standard[] } {
  if (standards.byField.size === 0) return { accepted: decisions, refused: [], refusing: [] };
  const known = withoutRemoved(before, decisions);
  const said = decisions.map((decision) => saidIn(decision, known, pointers));
  const valuesOf = (field: string): unknown[] => {
    const now = said.flatMap((fields) => fields.get(field) ?? []).map(({ value }) => value);
    const held = isIdentity(field) || now.length === 0 ? heldIn(known, field) : [];
    return [...held, ...now].filter((value) => value !== undefined);
  };
  const refused: Refused[] = [];
  const refusing = new Map<string, Standard>();
  const accepted = decisions.map((decision, index) => {
    const fields = said[index] ?? new Map<string, readonly Said[]>();
    const applied = [...standards.byField.values()].filter(
      (standard) =>
        fields.has(standard.field) ||
        (!said.some((each) => each.has(standard.field)) && asksAlso(standard, fields, decision)),
    );
    for (const standard of applied) {
      for (const { value, pointer, about } of toCheck(standard, decision, fields, valuesOf)) {
        for (const { code, message } of refusalsOf(value, standard.rules, { now: standards.now, valuesOf })) {
          const { field, version } = standard;
          refusing.set(field, standard);
          refused.push({ pointer, code, message: `${about}${message} (standard ${field}, version ${version})` });
        }
      }
    }
    return applied.length === 0 ? decision : withVersions(decision, applied);
  });
  return { accepted, refused, refusing: [...refusing.values()] };
}

/** What is there, what replaces it, or what is missing; where it is another field that changes, under that one's pointer. */
function toCheck(
  { field, rules }: Standard,
  { type }: Decision<CustomerEvent>,
  fields: Fields,
  valuesOf: (field: string) => unknown[],
): (Said & { about: string })[] {
  const here = fields.get(field);
  if (here) return here.map((each) => ({ ...each, about: '' }));
  // Who is registered is said whole: what is missing is missing at its own place.
  const cause = type === 'CustomerRegistered' ? undefined : rules.flatMap(fieldsOf).find((other) => fields.has(other));
  const pointer = (cause === undefined ? undefined : fields.get(cause)?.[0]?.pointer) ?? pointerTo(field);
  const held = valuesOf(field);
  const about = pointer === pointerTo(field) ? '' : `${field} `;
  return (held.length > 0 ? held : [undefined]).map((value) => ({ value, pointer, about }));
}

/** Of a field that the command says nothing of. */
function asksAlso({ rules }: Standard, fields: Fields, { type }: Decision<CustomerEvent>): boolean {
  // Who is registered is looked at whole.
  if (type === 'CustomerRegistered') return rules.some(({ kind }) => kind === 'required');
  return rules.some((rule) => fieldsOf(rule).some((other) => fields.has(other)));
}

const withVersions = (decision: Decision<CustomerEvent>, applied: readonly Standard[]): Decision<CustomerEvent> =>
  // Only of events that say something of fields, which all have the member.
  ({
    ...decision,
    data: { ...decision.data, standards: applied.map(({ field, version }) => ({ field, version })) },
  }) as Decision<CustomerEvent>;

function refusal(refused: readonly Refused[], standards: readonly Standard[]): DomainError {
  const [{ pointer, message } = { pointer: '', message: '' }] = refused;
  const more = refused.length > 1 ? ` (and ${refused.length - 1} more)` : '';
  return new DomainError('STANDARD_REFUSED', `${pointer} ${message}${more}`, {
    pointer,
    errors: refused,
    standards: standards.map(({ field, version }) => ({ field, version })),
  });
}

const pointerTo = (field: string): string => (isIdentity(field) ? '/identities' : `/${field.replaceAll('.', '/')}`);

const PLAIN = /^(name|address|traits)\.|^(birthDate|note|language|region|kind|stage)$/;
const isIdentity = (field: string): boolean => !PLAIN.test(field);

const fieldOfIdentity = ({ kind, system }: Identity): string =>
  kind === 'external' ? externalField(system ?? '') : kind;

function withoutRemoved(known: Known, decisions: readonly Decision<CustomerEvent>[]): Known {
  const removed = new Set(
    decisions.flatMap(({ type, personal }) => (type === 'CustomerIdentityRemoved' ? [personal?.identity.hash] : [])),
  );
  return { ...known, identities: known.identities.filter(({ hash }) => !removed.has(hash)) };
}

/** Every field that the fact says something of. */
function saidIn(decision: Decision<CustomerEvent>, known: Known, pointers: Readonly<Record<string, string>>): Fields {
  const fields = new Map<string, Said[]>();
  const say = (field: string, value: unknown, pointer = pointerTo(field)): void => {
    fields.set(field, [...(fields.get(field) ?? []), { value: value ?? undefined, pointer }]);
  };
  const identify = (identity: Identity): void =>
    say(fieldOfIdentity(identity), identity.given, pointers[identity.hash] ?? '/value');
  switch (decision.type) {
    case 'CustomerRegistered':
    case 'CustomerUpdated': {
      const { data, personal = {} } = decision;
      if ('kind' in data) say('kind', data.kind);
      if ('stage' in data) say('stage', data.stage);
      if (personal.name !== undefined) sayParts(say, nameParts(personal.name));
      if (personal.address !== undefined) sayParts(say, addressParts(personal.address));
      for (const member of ['birthDate', 'note'] as const)
        if (personal[member] !== undefined) say(member, personal[member]);
      for (const member of ['language', 'region'] as const) if (data[member] !== undefined) say(member, data[member]);
      for (const [name, value] of Object.entries(data.traits ?? {})) say(`traits.${name}`, value);
      if (decision.type === 'CustomerRegistered') decision.personal?.identities.forEach(identify);
      break;
    }
    case 'CustomerIdentityAdded':
      // One that is held was looked at when it came.
      if (!decision.data.held && decision.personal) identify(decision.personal.identity);
      break;
    case 'CustomerIdentityRemoved': {
      const field = decision.personal && fieldOfIdentity(decision.personal.identity);
      // While there are others, the field is not without a value, and they were looked at when they came.
      if (field !== undefined && heldIn(known, field).length === 0) say(field, undefined, '/value');
      break;
    }
    case 'CustomerLifecycleStageChanged':
      say('stage', decision.data.to, '/to');
      break;
    default:
      break;
  }
  return fields;
}

const sayParts = (say: (field: string, value: unknown) => void, parts: Record<string, unknown>): void =>
  Object.entries(parts).forEach(([field, value]) => say(field, value));

export const nameParts = (name: PersonName | null): Record<string, unknown> => ({
  'name.full': name?.full,
  'name.given': name?.given,
  'name.family': name?.family,
});

export const addressParts = (address: PostalAddress | null): Record<string, unknown> => ({
  'address.lines': address?.lines?.join('\n'),
  'address.city': address?.city,
  'address.state': address?.state,
  'address.postalCode': address?.postalCode,
  'address.country': address?.country,
});

/** What the customer has now. */
function heldIn(known: Known, field: string): unknown[] {
  const valueOf = (name: string): unknown => entryOf(known.fields, name)?.value ?? undefined;
  if (field === 'kind') return [known.kind];
  if (field === 'stage') return [known.stage?.value];
  if (field.startsWith('traits.')) return [entryOf(known.traits, field.slice('traits.'.length))?.value ?? undefined];
  // The decider's own fields are those of `PersonalDetails`, by name.
  if (field.startsWith('name.')) return [nameParts((valueOf('name') ?? null) as PersonName | null)[field]];
  if (field.startsWith('address.')) return [addressParts((valueOf('address') ?? null) as PostalAddress | null)[field]];
  if (!isIdentity(field)) return [valueOf(field)];
  return known.identities.filter((identity) => fieldOfIdentity(identity) === field).map(({ given }) => given);
}
