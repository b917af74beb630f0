/**
 * The model that customers are compared with from the first day on, before there is data to train one on. Set by hand from
 * what is known of customer files, not fitted to any labels: where FEBRL's made-up people (trained without labels, see
 * `febrl.unit.spec.ts`) err more than customers do, or know no households, it says otherwise:
 *
 * - u is that of *candidates*, who share a key already. Households share address, phone and often the family name, so
 *   these say less than they would of strangers; a given name that differs says the more.
 * - A person has several phones, mailboxes and numbers of systems, and moves: that such differ says little.
 */
import type { GivenRecord } from './features.js';
import type { Model } from './model.js';

/** Candidates more likely the same than not: the fewest errors that the model expects. */
export const LINK_FROM = 0.5;
/** Candidates that a person should look at: at least one in five is expected to be the same. */
export const REVIEW_FROM = 0.2;

const person: Model = {
  version: 'person-1',
  prior: 0.01,
  fields: {
    given: {
      same: { m: 0.8, u: 0.06 },
      spelled: { m: 0.06, u: 0.006 },
      close: { m: 0.08, u: 0.02 },
      part: { m: 0.052, u: 0.01 },
      differs: { m: 0.008, u: 0.904 },
    },
    family: {
      same: { m: 0.82, u: 0.12 },
      spelled: { m: 0.06, u: 0.02 },
      close: { m: 0.06, u: 0.015 },
      part: { m: 0.02, u: 0.005 },
      differs: { m: 0.04, u: 0.84 },
    },
    birthDate: {
      same: { m: 0.93, u: 0.012 },
      close: { m: 0.04, u: 0.008 },
      part: { m: 0.01, u: 0.1 },
      differs: { m: 0.02, u: 0.88 },
    },
    street: {
      same: { m: 0.4, u: 0.04 },
      close: { m: 0.15, u: 0.02 },
      part: { m: 0.15, u: 0.09 },
      differs: { m: 0.3, u: 0.85 },
    },
    city: { same: { m: 0.78, u: 0.49 }, close: { m: 0.02, u: 0.01 }, differs: { m: 0.2, u: 0.5 } },
    state: { same: { m: 0.87, u: 0.79 }, close: { m: 0.01, u: 0.01 }, differs: { m: 0.12, u: 0.2 } },
    postcode: { same: { m: 0.65, u: 0.37 }, close: { m: 0.05, u: 0.03 }, differs: { m: 0.3, u: 0.6 } },
    phone: { same: { m: 0.5, u: 0.03 }, close: { m: 0.04, u: 0.004 }, differs: { m: 0.46, u: 0.966 } },
    email: { same: { m: 0.5, u: 0.004 }, close: { m: 0.1, u: 0.004 }, differs: { m: 0.4, u: 0.992 } },
    id: { same: { m: 0.36, u: 0.0005 }, close: { m: 0.04, u: 0.005 }, differs: { m: 0.6, u: 0.9945 } },
  },
};

/** A company's name is nearly its own; what it has of people's fields is judged as theirs. */
const company: Model = {
  ...person,
  version: 'company-1',
  fields: {
    ...person.fields,
    family: {
      same: { m: 0.85, u: 0.002 },
      spelled: { m: 0.03, u: 0.001 },
      close: { m: 0.08, u: 0.007 },
      part: { m: 0.02, u: 0.01 },
      differs: { m: 0.02, u: 0.98 },
    },
  },
};

export const defaultModel = (kind: GivenRecord['kind']): Model => (kind === 'company' ? company : person);
