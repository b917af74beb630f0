/** Postal addresses as sets of words, Chinese ones by province, city and district. */
import { foldText, hasHan } from './text.js';

export interface GivenAddress {
  lines?: readonly string[];
  city?: string;
  state?: string;
  postalCode?: string;
}

export interface Address {
  /** Of the street and the house, sorted, each once. */
  street?: string[];
  city?: string;
  state?: string;
  postcode?: string;
}

// prettier-ignore
// A map: of an object, the word "constructor" would be a function.
const SHORT: ReadonlyMap<string, string> = new Map(
  Object.entries({
  street: 'st', road: 'rd', avenue: 'ave', av: 'ave', place: 'pl', drive: 'dr', crescent: 'cres', court: 'ct', close: 'cl',
  circuit: 'cct', lane: 'ln', boulevard: 'blvd', terrace: 'tce', highway: 'hwy', parade: 'pde', square: 'sq', apartment: 'apt',
  building: 'bldg', floor: 'fl', suite: 'ste', north: 'n', south: 's', east: 'e', west: 'w', saint: 'st', mount: 'mt',
}),
);

const MUNICIPALITIES = ['北京', '上海', '天津', '重庆'];
// prettier-ignore
const PROVINCES = ['河北', '山西', '辽宁', '吉林', '黑龙江', '江苏', '浙江', '安徽', '福建', '江西', '山东', '河南', '湖北', '湖南', '广东', '海南', '四川', '贵州', '云南', '陕西', '甘肃', '青海', '台湾', '内蒙古', '广西', '西藏', '宁夏', '新疆', '香港', '澳门'];
const STATE = new RegExp(
  `^(${[...MUNICIPALITIES, ...PROVINCES].join('|')})(?:省|市|壮族自治区|回族自治区|维吾尔自治区|自治区|特别行政区)?`,
  'u',
);
const CITY = /^(.{2,5}?)(?:市|自治州|地区|盟)/u;
const DISTRICT = /^.{1,5}?(?:区|县|旗|镇)/u;
// What is left between these says which street and which house.
const MARKS = /(?:大道|大街|马路|胡同|小区|花园|社区|新村|单元|号楼|路|街|道|巷|弄|号|栋|幢|座|室|楼|层|房|院)/gu;
const NUMERAL = /[零〇一二三四五六七八九十百]+(?=号|栋|幢|座|单元|室|楼|层|弄|期)/gu;
const DIGITS = '零一二三四五六七八九';

export function addressOf({ lines = [], city = '', state = '', postalCode = '' }: GivenAddress): Address {
  const postcode = foldText(postalCode).replaceAll(' ', '');
  const place = [state, city, ...lines].some(hasHan)
    ? chinese(foldText(state), foldText(city), foldText(lines.join(' ')))
    : { street: words(foldText(lines.join(' '))), city: foldText(city), state: foldText(state) };
  const street = [...new Set(place.street)].sort();
  return {
    ...(street.length > 0 && { street }),
    ...(place.city !== '' && { city: place.city }),
    ...(place.state !== '' && { state: place.state }),
    ...(postcode !== '' && { postcode }),
  };
}

const words = (folded: string): string[] =>
  folded
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => SHORT.get(word) ?? word);

/** Province and city may stand in their fields, at the head of the lines, or both. */
function chinese(state: string, city: string, lines: string): { street: string[]; city: string; state: string } {
  const one = (text: string): string => text.replaceAll(' ', '');
  let rest = one(state) + one(city) + one(lines);
  const found = { state: '', city: '' };
  for (let round = 0; round < 2; round += 1) {
    const province = STATE.exec(rest);
    if (province) {
      found.state = province[1] ?? '';
      if (MUNICIPALITIES.includes(found.state)) found.city = found.state;
      rest = rest.slice(province[0].length);
    }
    const town = CITY.exec(rest);
    if (town) {
      found.city = town[1] ?? '';
      rest = rest.slice(town[0].length);
    }
  }
  if (found.city === '' && city !== '' && rest.startsWith(one(city))) {
    found.city = one(city);
    rest = rest.slice(found.city.length);
  }
  const street = rest
    .replace(DISTRICT, '')
    .replaceAll(NUMERAL, arabic)
    .replaceAll(MARKS, ' ')
    .replaceAll(/(\d+)/g, ' $1 ')
    .split(' ')
    .filter((word) => word !== '');
  return { street, ...found };
}

/** 十二 → 12, 三〇五 → 305. */
function arabic(numeral: string): string {
  const text = numeral.replaceAll('〇', '零');
  const [tens, ones] = text.includes('百') ? [] : text.split('十');
  if (ones !== undefined) return String((tens ? DIGITS.indexOf(tens) : 1) * 10 + (ones ? DIGITS.indexOf(ones) : 0));
  return text.includes('百') ? text : [...text].map((digit) => DIGITS.indexOf(digit)).join('');
}
