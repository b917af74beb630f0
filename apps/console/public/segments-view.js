/** The segments with their counts, and the members of one. */
import { get } from './api.js';
import { h, icon } from './dom.js';
import { day, dayAndTime, number, plural, zoneName } from './format.js';
import { customerLink, emptyState, heading, pagedList, problemBox } from './parts.js';

const PAGE = 25;

export async function segmentsView({ id, asOf, signal }) {
  const { items } = await get('/v1/segments', { asOf }, { signal });
  const chosen = items.find((segment) => segment.id === id);
  const evaluatedAt = items[0]?.asOf;
  const cards = h(
    'ul',
    { class: 'segments' },
    items.map((segment) =>
      h(
        'li',
        {},
        h(
          'a',
          {
            class: 'card segment',
            href: `#/segments/${encodeURIComponent(segment.id)}`,
            'aria-current': segment.id === id ? 'true' : undefined,
          },
          h('span', { class: 'segment-name' }, segment.name),
          h('span', { class: 'segment-count tabular' }, number(segment.count)),
          h('span', { class: 'faint' }, segment.description),
        ),
      ),
    ),
  );
  return {
    title: chosen ? `${chosen.name} – Segments` : 'Segments',
    keepsFocus: chosen !== undefined,
    element: h(
      'div',
      {},
      heading(
        'Segments',
        evaluatedAt &&
          `Who belongs where, evaluated as of ${dayAndTime(evaluatedAt)} (${zoneName()}). Customers leave by time alone, at its instant.`,
      ),
      items.length === 0 ? emptyState('No segments are defined') : cards,
      id && (chosen ? members(chosen, asOf, signal) : problemBox({ message: `there is no segment “${id}”` })),
      !id &&
        items.length > 0 &&
        h('p', { class: 'faint hint' }, icon('chevron'), 'Choose a segment to see its members.'),
    ),
  };
}

function members(segment, asOf, signal) {
  const rows = h('tbody');
  const path = `/v1/segments/${encodeURIComponent(segment.id)}/members`;
  const list = pagedList({
    load: (cursor) => get(path, { asOf, limit: PAGE, cursor }, { signal }),
    add: (items) => items.forEach((member) => rows.append(memberRow(member))),
    whole: h(
      'table',
      { class: 'rows' },
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          ['Customer', 'Since', 'Until'].map((name) => h('th', { scope: 'col' }, name)),
        ),
      ),
      rows,
    ),
    empty: () =>
      emptyState('Nobody is in this segment at that time', h('p', {}, 'Choose another instant above: “As of”.')),
  });
  void list.start();
  return h(
    'section',
    { class: 'card table-card', 'aria-labelledby': 'members' },
    h(
      'div',
      { class: 'card-head' },
      h('h2', { id: 'members' }, segment.name),
      h('span', { class: 'faint' }, plural(segment.count, 'member')),
    ),
    list.element,
  );
}

const memberRow = (member) =>
  h(
    'tr',
    {},
    h('td', {}, customerLink(member.customerId)),
    h('td', { 'data-label': 'Since' }, day(member.since)),
    h(
      'td',
      { 'data-label': 'Until' },
      member.until ? day(member.until) : h('span', { class: 'faint' }, 'no end known'),
    ),
  );
