/** Data standards as the check of quality. Rules that look at other fields too are not asked: a value is judged alone. */
import { isValid, type Standards } from '@timeline/standards';
import { addressParts, nameParts } from '../accepted-under.js';
import type { PersonName, PostalAddress } from '../customers.events.js';
import type { Check, QualityField } from './quality.js';

export const standardCheck =
  ({ now, byField }: Standards): Check =>
  (field, value) => {
    const accepted = Object.entries(partsOf(field, value)).flatMap(([part, each]) => {
      const standard = byField.get(part);
      return standard ? [isValid(each, standard.rules, { now })] : [];
    });
    return accepted.length === 0 ? undefined : accepted.every(Boolean);
  };

/** Names and addresses are held to the standards of their parts. */
function partsOf(field: QualityField, value: unknown): Record<string, unknown> {
  // What a profile holds under the field's name.
  if (field === 'name') return nameParts(value as PersonName);
  if (field === 'address') return addressParts(value as PostalAddress);
  return { [field]: value };
}
