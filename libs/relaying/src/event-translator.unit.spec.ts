import type { StoredEvent } from '@timeline/event-store';
import { makePosition, Upcasters } from '@timeline/kernel';
import { EventTranslator, parkedTopicOf } from './event-translator.js';
import type { PublicEventMapping } from './public-events.js';
import { eventOf, type Happening, LARGEST, mapping, numberIn } from './testing/relay-fixtures.js';

const stored = (happening: Happening): StoredEvent => ({
  ...eventOf(happening),
  stream: `test-${happening.number}`,
  revision: 0,
  position: makePosition('0123456789ab', String(happening.number).padStart(12, '0')),
  recordedAt: '2026-01-01T00:00:00.000Z',
});
const translator = (options: { mappings?: PublicEventMapping[]; upcasters?: Upcasters } = {}, state = new Map()) =>
  new EventTranslator(
    { mappings: [mapping('tests')], upcasters: new Upcasters(), maxMessageBytes: LARGEST, ...options },
    state,
  );

describe('translating events into messages', () => {
  it('shows a mapping the newest shape of an event and never its personal part', () => {
    const seen: unknown[] = [];
    const mappings = [
      { topic: 't', schemas: {}, map: (event: unknown) => void seen.push(event) },
    ] as PublicEventMapping[];
    const upcasters = new Upcasters([
      {
        type: 'TestHappened',
        fromVersion: 1,
        renamedTo: 'TestTookPlace',
        lift: ({ type, data }) => ({ type, data: { ...data, lifted: true } }),
      },
    ]);
    translator({ mappings, upcasters }).translate(stored({ customer: 'a', kind: 'public', number: 1 }));
    expect(seen).toEqual([expect.objectContaining({ type: 'TestTookPlace', data: { number: 1, lifted: true } })]);
    expect(seen[0]).toHaveProperty('metadata.schemaVersion', 2);
    expect(seen[0]).not.toHaveProperty('personal');
  });

  it('gives one message for each mapping that makes something of the event, and none for the others', () => {
    const both = translator({ mappings: [mapping('one'), mapping('two')] });
    expect(
      both.translate(stored({ customer: 'a', kind: 'public', number: 1 })).messages.map(({ topic }) => topic),
    ).toEqual(['one', 'two']);
    expect(both.translate(stored({ customer: 'a', kind: 'private', number: 2 }))).toEqual({
      messages: [],
      stateChanges: new Map(),
    });
  });

  it.each([
    ['broken', 'TypeError'],
    ['huge', 'MESSAGE_TOO_LARGE'],
  ] as const)('parks a %s event and the later ones of its customer, without any payload', (kind, code) => {
    const it = translator();
    const first = it.translate(stored({ customer: 'a', kind, number: 1 }));
    const parked = { position: '0123456789ab:000000000001', eventId: expect.any(String), code };
    expect(first.messages).toHaveLength(1);
    expect(first.messages[0]).toMatchObject({ topic: parkedTopicOf('tests'), key: 'a' });
    expect(JSON.parse(first.messages[0]?.value ?? '')).toEqual(parked);
    expect([...first.stateChanges]).toEqual([['parked:tests:a', { topic: 'tests', key: 'a', ...parked }]]);

    const behind = it.translate(stored({ customer: 'a', kind: 'public', number: 2 }));
    expect(JSON.parse(behind.messages[0]?.value ?? '')).toMatchObject({ code: 'BEHIND_PARKED' });
    expect(behind.messages[0]?.topic).toBe(parkedTopicOf('tests'));
    expect(it.translate(stored({ customer: 'a', kind: 'private', number: 3 })).messages).toEqual([]);
    expect(it.translate(stored({ customer: 'b', kind: 'public', number: 4 })).messages[0]?.topic).toBe('tests');
    expect(it.parked).toBe(1);
  });

  it('remembers from its state who is parked', () => {
    const { stateChanges } = translator().translate(stored({ customer: 'a', kind: 'broken', number: 1 }));
    const again = translator({}, stateChanges);
    expect(again.translate(stored({ customer: 'a', kind: 'public', number: 2 })).messages[0]?.topic).toBe(
      parkedTopicOf('tests'),
    );
  });

  it('parks what a mapping makes without having declared it', () => {
    const undeclared = translator({ mappings: [{ ...mapping('tests'), schemas: {} }] });
    const [message] = undeclared.translate(stored({ customer: 'a', kind: 'public', number: 1 })).messages;
    expect(JSON.parse(message?.value ?? '')).toMatchObject({ code: 'PUBLIC_TYPE_UNDECLARED' });
  });

  it('releases in order, goes on after an interruption where it was, and stays behind what is still broken', () => {
    const happenings: Happening[] = [
      { customer: 'a', kind: 'broken', number: 1 },
      { customer: 'a', kind: 'public', number: 2 },
      { customer: 'b', kind: 'public', number: 3 },
      { customer: 'a', kind: 'huge', number: 4 },
      { customer: 'a', kind: 'public', number: 5 },
    ];
    const events = happenings.map(stored);
    const before = translator();
    const state = new Map(events.flatMap((event) => [...before.translate(event).stateChanges]));

    // Mended for the broken kind only, by a mapping that makes the huge one still too large.
    const halfMended: PublicEventMapping = {
      ...mapping('tests'),
      map: (event) => mapping('tests', { mended: event.type !== 'TestWasHuge' }).map(event),
    };
    const half = translator({ mappings: [halfMended] }, state);
    const release = half.release();
    const released = events.flatMap((event) => {
      const { messages, stateChanges } = release.translate(event);
      for (const [key, value] of stateChanges) state.set(key, value);
      return messages;
    });
    expect(released.map(numberIn)).toEqual([1, 2]);
    expect([...release.finish()]).toEqual([]);
    expect(half.parked).toBe(1);
    expect(state.get('parked:tests:a')).toMatchObject({ code: 'MESSAGE_TOO_LARGE', position: events[3]?.position });

    const mended = translator({ mappings: [mapping('tests', { mended: true })] }, state);
    const first = mended.release();
    const interrupted = first.translate(events[3] as StoredEvent);
    const again = translator({ mappings: [mapping('tests', { mended: true })] }, interrupted.stateChanges);
    const second = again.release();
    const rest = events.flatMap((event) => second.translate(event).messages);
    expect([...interrupted.messages, ...rest].map(numberIn)).toEqual([4, 5]);
    expect([...second.finish()]).toEqual([['parked:tests:a', null]]);
    expect(again.parked).toBe(0);
  });
});
