/**
 * The facts about merges (`merge-{id}`), and what read models of all slices make of them: each source customer's part
 * keeps its open merges, and parts are grouped by these. Ids only: a merge copies nothing that a person is known by.
 */
import { customersOf, type Fact, type Position, type Recorded } from '@timeline/kernel';

/** The fields of a merged profile whose source a merge may name. */
export const CHOSEN_FIELDS = ['kind', 'stage', 'language', 'region', 'name', 'birthDate', 'address', 'note'] as const;
export type ChosenField = (typeof CHOSEN_FIELDS)[number];

export interface FieldChoice {
  field: ChosenField;
  /** The member whose value is taken. */
  from: string;
}

/** Both name everybody the merge concerns, so that a read model needs nothing else to know whom they touch. */
interface Merge {
  mergeId: string;
  /** Whom the group goes by from now on. */
  survivor: string;
  others: string[];
}

/** `reason`: from your own list; never what names the person. */
export type MergeEvent =
  | Fact<'CustomersMerged', Merge & { choices?: FieldChoice[]; sourceRank?: string[]; reason?: string }>
  | Fact<'CustomersUnmerged', Merge & { reason?: string }>;

/** An open merge as one of its members tells it. */
export interface Edge {
  /** The survivor tells of the others, they of the survivor only: what is kept grows with the merge, not its square. */
  with: string[];
  survivor: string;
  /** Of the merge in the log. */
  position: Position;
  /** These two the survivor tells. */
  choices?: FieldChoice[];
  sourceRank?: string[];
}

/** By merge. */
export type Edges = Readonly<Record<string, Edge>>;

/** A part that is grouped by merges. `edges` is absent where none is open. */
export interface Grouped {
  edges?: Edges;
}

/** Whom the event touches: the survivor and the others. */
export const mergedCustomers = (event: Recorded<MergeEvent>): string[] => customersOf(event);

export const isMergeEvent = (event: Recorded): event is Recorded<MergeEvent> =>
  event.type === ('CustomersMerged' satisfies MergeEvent['type']) ||
  event.type === ('CustomersUnmerged' satisfies MergeEvent['type']);

/** The part of the customer after the merge was opened or closed. A closed one leaves nothing behind. */
export function withMerge<Part extends Grouped>(part: Part, event: Recorded<MergeEvent>, customerId: string): Part {
  const { edges: before, ...rest } = part;
  const { [event.data.mergeId]: _ended, ...others } = before ?? {};
  const edges =
    event.type === 'CustomersMerged' ? { ...others, [event.data.mergeId]: edgeOf(event, customerId) } : others;
  // `rest` is the part without the one member that is set anew.
  return (Object.keys(edges).length === 0 ? rest : { ...rest, edges }) as Part;
}

function edgeOf(
  { data, position }: Extract<Recorded<MergeEvent>, { type: 'CustomersMerged' }>,
  customerId: string,
): Edge {
  const { survivor, others, choices, sourceRank } = data;
  if (customerId !== survivor) return { with: [survivor], survivor, position };
  return { with: others, survivor, position, ...(choices && { choices }), ...(sourceRank && { sourceRank }) };
}

/** Customers that the part is merged with, sorted. */
export const linksOf = ({ edges = {} }: Grouped): string[] =>
  [...new Set(Object.values(edges).flatMap((edge) => edge.with))].sort();

/** The open merges that hold a group together, as their survivors tell them, the latest first. None of a customer alone. */
export function openMerges(parts: readonly { key: string; part: Grouped }[]): Edge[] {
  const members = new Set(parts.map(({ key }) => key));
  return parts
    .flatMap(({ key, part: { edges = {} } }) =>
      Object.values(edges).filter((edge) => edge.survivor === key && edge.with.some((other) => members.has(other))),
    )
    .sort((a, b) => (a.position > b.position ? -1 : 1));
}

/** Whom the group goes by: the latest open merge says it. Lists show survivors. */
export const survivorOf = (parts: readonly { key: string; part: Grouped }[]): string | undefined =>
  openMerges(parts)[0]?.survivor ?? parts.map(({ key }) => key).sort()[0];
