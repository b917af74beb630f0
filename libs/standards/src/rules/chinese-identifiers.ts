/**
 * Chinese identifiers, checked as far as the identifier itself can tell. Each function answers what is wrong, or
 * undefined. They take what is written as the standards write it (capital letters, no blanks), so that one thing has one
 * form.
 */
import { dayIn, isPlainDate } from '@timeline/kernel';

/** Provinces by the first two digits of a region code (GB/T 2260); 83: residence permits of people from Taiwan. */
// prettier-ignore
const PROVINCES: ReadonlySet<string> = new Set([
  '11', '12', '13', '14', '15', '21', '22', '23', '31', '32', '33', '34', '35', '36', '37', '41', '42', '43', '44', '45',
  '46', '50', '51', '52', '53', '54', '61', '62', '63', '64', '65', '71', '81', '82', '83',
]);

const MOD_11_2 = '10X98765432';

/**
 * Resident id, GB 11643-1999: six digits of region, eight of birth, three of order, and a check character by
 * ISO 7064 MOD 11-2, which finds every wrong character and every two neighbours that changed places.
 * @param birthDate that of the customer, where it has to agree
 */
export function residentIdFault(text: string, now: string, birthDate?: string): string | undefined {
  if (/^\d{15}$/.test(text)) return 'is an id of 15 digits, which has no check digit; ask for the one of 18';
  if (/^\d{17}x$/.test(text)) return 'ends with a small x; a resident id is written with a capital X';
  if (!/^\d{17}[\dX]$/.test(text)) return 'must be a resident id: 17 digits and a digit or X';
  const weighted = [...text.slice(0, 17)].reduce((sum, digit, index) => sum + Number(digit) * 2 ** (17 - index), 0);
  if (MOD_11_2[weighted % 11] !== text[17]) {
    return 'is no resident id: its check digit is wrong (GB 11643-1999), so at least one digit was mistyped';
  }
  if (!PROVINCES.has(text.slice(0, 2))) return 'is no resident id: it begins with the code of no region';
  const born = `${text.slice(6, 10)}-${text.slice(10, 12)}-${text.slice(12, 14)}`;
  if (!isPlainDate(born)) return 'is no resident id: the birth date in it does not exist';
  if (born > dayIn('UTC', now)) return 'is no resident id: the birth date in it is in the future';
  if (birthDate !== undefined && birthDate !== born) return 'holds another birth date than the customer has';
  return undefined;
}

const CREDIT_CODE_CHARACTERS = '0123456789ABCDEFGHJKLMNPQRTUWXY';

/**
 * Unified social credit code, GB 32100-2015: two characters of registry, six digits of region, nine of the organisation,
 * and a check character modulo 31, which finds every wrong character and every two neighbours that changed places.
 */
export function creditCodeFault(text: string): string | undefined {
  if (/^[0-9A-Za-z]{18}$/.test(text) && /[a-z]/.test(text)) {
    return 'holds small letters; a unified social credit code is written with capitals';
  }
  if (/^[0-9A-Z]{18}$/.test(text) && /[IOSVZ]/.test(text)) {
    return 'is no unified social credit code: it holds I, O, S, V or Z, which none does; is it a 1, 0, 5 or 2?';
  }
  if (!/^[0-9A-Z]{2}\d{6}[0-9A-Z]{10}$/.test(text)) {
    return 'must be a unified social credit code: 18 digits and capital letters, the third to the eighth digits';
  }
  let weight = 1;
  let sum = 0;
  for (const character of text.slice(0, 17)) {
    sum += CREDIT_CODE_CHARACTERS.indexOf(character) * weight;
    weight = (weight * 3) % 31;
  }
  if (CREDIT_CODE_CHARACTERS[(31 - (sum % 31)) % 31] !== text[17]) {
    return 'is no unified social credit code: its check character is wrong (GB 32100-2015), so at least one was mistyped';
  }
  return undefined;
}

/** Mobile number of the mainland, with or without +86; blanks and dashes do not count. */
export function mobileFault(text: string): string | undefined {
  const digits = text.normalize('NFKC').replaceAll(/[\s()-]/g, '');
  return /^(?:\+86|0086)?1[3-9]\d{9}$/.test(digits)
    ? undefined
    : 'must be a mobile number of mainland China: 11 digits from 13 to 19 on, or those after +86';
}

/** Six digits, the first two those of a postal region; Hong Kong and Macao have one of their own. */
export function postalCodeFault(text: string): string | undefined {
  if (!/^\d{6}$/.test(text)) return 'must be a Chinese postal code: six digits';
  const isKnown = /^(?:0[1-7]|1[0-356]|2[0-7]|3[0-6]|4[0-7]|5[1-7]|6[1-7]|7[0-5]|8[013-6])/.test(text);
  return isKnown || /^99907[78]$/.test(text) ? undefined : 'is no Chinese postal code: no region begins like this';
}
