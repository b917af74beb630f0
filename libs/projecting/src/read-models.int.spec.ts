/** What is deleted stays in the store as a reminder, and no way of reading shows it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openReadStore } from '@timeline/read-store';
import { Documents } from './read-models.js';

interface Doc {
  _id: string;
  _x?: true;
  kind?: string;
}

it('shows nothing of what is deleted, however it is asked', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'timeline-documents-'));
  const store = await openReadStore(`sqlite:${join(folder, 'reads.db')}`);
  try {
    const collection = store.collection<Doc>('entries');
    const docs: Doc[] = [{ _id: 'gone', _x: true }, { _id: 'here', kind: 'a' }, { _id: 'bare' }];
    await collection.writeGuarded(docs.map((doc) => ({ doc, guard: 'absent' as const })));
    const documents = new Documents(collection);
    const ids = (found: readonly Doc[]): string[] => found.map(({ _id }) => _id).sort();
    expect(await documents.get('gone')).toBeUndefined();
    expect(await documents.get('here')).toEqual({ _id: 'here', kind: 'a' });
    expect(ids(await documents.find({ _id: { $in: ['gone', 'here'] } }))).toEqual(['here']);
    expect(ids(await documents.find({}))).toEqual(['bare', 'here']);
    expect(ids(await documents.find({}, { sort: { _id: -1 }, limit: 2 }))).toEqual(['bare', 'here']);
    expect(ids(await documents.find({ kind: { $ne: 'a' } }, { limit: 5 }))).toEqual(['bare']);
    expect(await documents.findOne({ kind: null }, { sort: { _id: -1 } })).toEqual({ _id: 'bare' });
    expect(await documents.count({})).toBe(2);
    expect(await documents.count({ kind: 'a' })).toBe(1);
    for await (const page of documents.stream({ _id: { $gte: 'g' } })) expect(ids(page)).toEqual(['here']);
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
});
