/**
 * FEBRL's data sets (Christen 2008): people made up with known duplicates. They are not part of this project; where they
 * lie beside it they are read, elsewhere the tests say that they were skipped.
 */
import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { featuresOf, type Features } from '../features.js';

const folder = new URL('../../../../../shared/data/', import.meta.url);

export const FEBRL_IS_THERE = existsSync(new URL('febrl_dataset1.csv', folder));

export interface Labelled {
  /** `rec-N`: the same for all records of a person. */
  person: string;
  features: Features;
}

export function readFebrl(name: '1' | '2' | '4a' | '4b'): Labelled[] {
  const text = readFileSync(new URL(`febrl_dataset${name}.csv`, folder), 'utf8');
  // The header names the columns; all values are text.
  const rows = parse(text, { columns: true, trim: true }) as Record<string, string>[];
  return rows.map((row) => {
    const of = (column: string): string => row[column] ?? '';
    return {
      person: /^rec-\d+/.exec(of('rec_id'))?.[0] ?? '',
      features: featuresOf({
        kind: 'person',
        name: { given: of('given_name'), family: of('surname') },
        birthDate: of('date_of_birth'),
        address: {
          lines: [`${of('street_number')} ${of('address_1')}`, of('address_2')],
          city: of('suburb'),
          state: of('state'),
          postalCode: of('postcode'),
        },
        ids: [{ system: 'social', value: of('soc_sec_id') }],
      }),
    };
  });
}

export interface Scores {
  truePairs: number;
  candidates: number;
  truePositives: number;
  falsePositives: number;
  f1: number;
  pairCompleteness: number;
}

/** `linked`: those of the candidates that are taken for the same. */
export function score(
  records: readonly Labelled[],
  candidates: readonly (readonly [number, number])[],
  linked: readonly (readonly [number, number])[],
  truePairs: number,
): Scores {
  const isSame = ([a, b]: readonly [number, number]): boolean => records[a]?.person === records[b]?.person;
  const truePositives = linked.filter(isSame).length;
  const falsePositives = linked.length - truePositives;
  return {
    truePairs,
    candidates: candidates.length,
    truePositives,
    falsePositives,
    f1: (2 * truePositives) / (truePairs + linked.length),
    pairCompleteness: candidates.filter(isSame).length / truePairs,
  };
}
