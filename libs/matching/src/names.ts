/** Names of people taken apart and compared: order, script, nicknames, initials and typing errors. */
import { editDistance, firstOf, foldText, hasHan, jaroWinkler, romanise } from './text.js';

const { min } = Math;

export interface NamePart {
  /** Folded; without blanks where it is Chinese. */
  text: string;
  /** By sound, without blanks. Only where it is Chinese; otherwise `text` without blanks. */
  latin?: string;
}

export interface Name {
  given?: NamePart;
  family?: NamePart;
}

export const NAME_LEVELS = ['same', 'spelled', 'close', 'part', 'differs'] as const;
export type NameLevel = (typeof NAME_LEVELS)[number];

// prettier-ignore
const COMPOUND = new Set(['欧阳', '司马', '上官', '诸葛', '东方', '皇甫', '尉迟', '公孙', '慕容', '令狐', '司徒', '司空', '夏侯', '端木', '宇文', '长孙', '南宫', '独孤', '呼延', '轩辕', '闻人', '赫连', '澹台', '公冶', '太史', '申屠', '西门', '拓跋']);
/** What follows a name that is only a surname, as service staff note it down. */
const HAN_TITLE = /(先生|女士|小姐|太太|老师|经理|师傅|医生|律师|总)$/u;
const LATIN_TITLES = new Set(['mr', 'mrs', 'ms', 'miss', 'dr', 'prof', 'sir', 'madam', 'jr', 'sr', 'ii', 'iii']);

// Each line is one name: the first is the one that the others stand for.
const NICKNAMES: ReadonlyMap<string, string> = new Map(
  `alexander alex sasha sandy|andrew andy drew|anthony tony|barbara barb babs|benjamin ben benny|charles charlie chuck
  christopher chris kit|daniel dan danny|david dave davy|deborah deb debbie|dorothy dot dottie|edward ed eddie ted ned
  elizabeth liz lizzie beth betty eliza libby|frances fran frankie|frederick fred freddie|gerald gerry jerry|gregory greg
  henry harry hank|james jim jimmy jamie|jennifer jen jenny|john jack johnny|joseph joe joey|katherine kate katie kathy
  kenneth ken kenny|lawrence larry|leonard len lenny|margaret maggie meg peggy|matthew matt|michael mike mick mickey
  nicholas nick nicky|pamela pam|patricia pat patty trish|peter pete|philip phil|rebecca becky|richard rick dick richie
  robert bob bobby rob robbie|ronald ron ronnie|samuel sam sammy|stephen steve steven|susan sue suzie|theodore theo
  thomas tom tommy|timothy tim|victoria vicky|vincent vince|walter walt|william bill billy will willie liam`
    .split(/[|\n]/)
    .flatMap((line) => {
      const [name = '', ...short] = line.trim().split(' ');
      return short.map((nickname): [string, string] => [nickname, name]);
    }),
);

/** The parts as given where they are; otherwise the whole name taken apart as its script has it. */
export function nameOf(name: { full?: string; given?: string; family?: string }): Name {
  if (name.given !== undefined || name.family !== undefined) {
    return withParts(foldText(name.given ?? ''), foldText(name.family ?? ''));
  }
  // A foreign name in Chinese letters has a dot between its parts, the given name first.
  const full = name.full ?? '';
  const [before, comma] = full.split(/[,，]/).map(foldText);
  if (comma !== undefined && comma !== '' && before !== undefined && !hasHan(full)) return withParts(comma, before);
  const folded = foldText(full);
  return hasHan(folded) ? ofHan(folded) : ofLatin(folded);
}

function ofHan(folded: string): Name {
  // Of 李雷 Lei Li the Chinese letters say more.
  const words = folded.split(' ').filter(hasHan);
  if (words.length === 2 && (words[0]?.length ?? 0) > 2 && (words[1]?.length ?? 0) > 2)
    return withParts(words[0] ?? '', words[1] ?? '');
  const whole = words.join('');
  const name = whole.replace(HAN_TITLE, '');
  const surname = COMPOUND.has(firstOf(name, 2)) ? firstOf(name, 2) : firstOf(name, 1);
  const { length } = [...name];
  if (name !== whole) return withParts(name.slice(surname.length), surname);
  // 小王, 老李: among colleagues, by surname. 阿明: by given name.
  if (/^[小老]./u.test(name) && length === 2) return withParts('', name.slice(1));
  if (/^阿./u.test(name) && length <= 3) return withParts(name.slice(1), '');
  if (length === 1) return withParts('', name);
  if (length - [...surname].length > 3) return withParts(name, '');
  return withParts(name.slice(surname.length), surname);
}

function ofLatin(folded: string): Name {
  const words = folded.split(' ').filter((word) => !LATIN_TITLES.has(word));
  return words.length < 2
    ? withParts('', words.join(' '))
    : withParts(words.slice(0, -1).join(' '), words.at(-1) ?? '');
}

function withParts(given: string, family: string): Name {
  return {
    ...(given !== '' && { given: partOf(given, 'word') }),
    ...(family !== '' && { family: partOf(family, 'surname') }),
  };
}

const partOf = (text: string, as: 'surname' | 'word'): NamePart =>
  hasHan(text) ? { text: text.replaceAll(' ', ''), latin: romanise(text, as) } : { text };

export const latinOf = (part: NamePart | undefined): string => part?.latin ?? part?.text.replaceAll(' ', '') ?? '';

/** All of it by sound, family name first as Chinese has it, and the other way round. */
const wholes = ({ given, family }: Name): string[] => [
  latinOf(family) + latinOf(given),
  latinOf(given) + latinOf(family),
];

export interface NameAgreement {
  /** Absent where one of the two says nothing. */
  given?: NameLevel;
  family?: NameLevel;
  swapped?: true;
}

/** Part by part, or crosswise where that fits better: forms mix up the two fields. */
export function compareNames(a: Name, b: Name): NameAgreement {
  const straight = { given: compareParts(a.given, b.given), family: compareParts(a.family, b.family) };
  const crossed = inEitherOrder(compareParts(a.given, b.family), compareParts(a.family, b.given));
  const isMixed = isHan(a) !== isHan(b);
  // In Latin letters nobody knows where a Chinese name ends: Zhang Xiao Ming.
  const isWhole = a.given && a.family && b.given && b.family && meet(wholes(a), wholes(b));
  if (isWhole && isMixed) return { given: 'spelled', family: 'spelled' };
  if (isWhole && (straight.given === 'differs' || straight.family === 'differs'))
    return { given: 'close', family: 'close', swapped: true };
  if (!isBetter(crossed, straight)) return present(straight);
  // Said in the wrong place is not as good as said in the right one, except where scripts have their own order.
  const asSaid = (level: NameLevel | undefined): NameLevel | undefined =>
    level !== undefined && !isMixed && (level === 'same' || level === 'spelled') ? 'close' : level;
  return { ...present({ given: asSaid(crossed.given), family: asSaid(crossed.family) }), swapped: true };
}

/** Which of the two is `given` must not depend on which record comes first: the better one is. */
function inEitherOrder(one: NameLevel | undefined, other: NameLevel | undefined): Levels {
  const rank = (level: NameLevel | undefined): number => (level ? NAME_LEVELS.indexOf(level) : NAME_LEVELS.length);
  return rank(one) <= rank(other) ? { given: one, family: other } : { given: other, family: one };
}

const meet = (a: readonly string[], b: readonly string[]): boolean => a.some((text) => b.includes(text));
const isHan = ({ given, family }: Name): boolean => given?.latin !== undefined || family?.latin !== undefined;

type Levels = { given: NameLevel | undefined; family: NameLevel | undefined };
const present = ({ given, family }: Levels): NameAgreement => ({ ...(given && { given }), ...(family && { family }) });

/** Only where both parts are told apart crosswise and neither straight is as good. */
function isBetter(crossed: Levels, straight: Levels): boolean {
  const agrees = (level: NameLevel | undefined): boolean => level !== undefined && level !== 'differs';
  const none = !agrees(straight.given) && !agrees(straight.family);
  if (crossed.given === undefined || crossed.family === undefined) {
    // One name each, in different fields: a nickname or a form with one field.
    return none && [crossed.given, crossed.family].some((level) => level === 'same' || level === 'spelled');
  }
  return none && agrees(crossed.given) && agrees(crossed.family);
}

export function compareParts(a: NamePart | undefined, b: NamePart | undefined): NameLevel | undefined {
  if (!a || !b) return undefined;
  if (a.text === b.text) return 'same';
  const [x, y] = [latinOf(a), latinOf(b)];
  if (a.latin !== undefined && b.latin !== undefined) {
    // Typed by sound and the wrong character chosen; or by a sound that many do not tell apart.
    if (x === y || mumbled(x) === mumbled(y)) return 'close';
    return a.text.includes(b.text) || b.text.includes(a.text) ? 'part' : 'differs';
  }
  if (a.latin !== undefined || b.latin !== undefined) {
    if (x === y) return 'spelled';
    if (min(x.length, y.length) >= 4 && editDistance(x, y, 1) <= 1) return 'close';
    return isInitial(x, y) ? 'part' : 'differs';
  }
  if (x === y) return 'same';
  if (isTypingError(x, y)) return 'close';
  if (isInitial(x, y) || isShort(a.text, b.text)) return 'part';
  return 'differs';
}

/** Without the differences that southern speakers do not hear. */
const mumbled = (latin: string): string =>
  latin
    .replaceAll(/([zcs])h/g, '$1')
    .replaceAll(/([aei])ng/g, '$1n')
    .replaceAll(/^n|(?<=[aeiouv])n(?=[aeiouv])/g, 'l');

/** Half a letter's worth of error for each four letters, or alike by Jaro and Winkler. */
function isTypingError(a: string, b: string): boolean {
  const shorter = min(a.length, b.length);
  const allowed = shorter >= 7 ? 2 : shorter >= 3 ? 1 : 0;
  return editDistance(a, b, allowed) <= allowed || (shorter >= 4 && jaroWinkler(a, b) >= 0.9);
}

const isInitial = (a: string, b: string): boolean => (a.length === 1 || b.length === 1) && a[0] === b[0];

/** Jean for Jean Paul, Liz for Elizabeth, Alex for Alexandra. */
function isShort(a: string, b: string): boolean {
  const [x, y] = [a.split(' '), b.split(' ')];
  if (x.length !== y.length) {
    const [few, many] = x.length < y.length ? [x, y] : [y, x];
    return few.every((word) => many.some((other) => other === word || isInitial(word, other)));
  }
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  return (short.length >= 3 && long.startsWith(short)) || formal(a) === formal(b);
}

const formal = (name: string): string => NICKNAMES.get(name) ?? name;
