/**
 * What a timeline entry says to a reader: a sentence, words that were said, a picture and a colour. One function for
 * each type of event; members that are gone (an erased or absent `personal`) are left out, never shown as "undefined".
 */
import { decimal, duration, money, number, plural, words } from './format.js';

export const CHANNEL_ICONS = {
  phone: 'phone',
  email: 'mail',
  visit: 'pin',
  wechat: 'chat',
  weibo: 'chat',
  chat: 'chat',
  app: 'device',
  web: 'globe',
  store: 'store',
  event: 'calendar',
  campaign: 'megaphone',
  survey: 'survey',
  'mini-program': 'device',
  social: 'chat',
};

/** The filter of the timeline, and the colour of its entries. */
export const FAMILIES = {
  interactions: { label: 'Interactions', types: ['InteractionRecorded'] },
  purchases: { label: 'Purchases', types: ['PurchaseRecorded', 'PurchaseReturned', 'PurchaseCancelled'] },
  feedback: {
    label: 'Feedback',
    types: [
      'FeedbackCaseOpened',
      'FeedbackClassified',
      'FeedbackAssigned',
      'FeedbackResponded',
      'FeedbackResolved',
      'FeedbackRated',
      'FeedbackReopened',
    ],
  },
  surveys: { label: 'Surveys', types: ['SurveyAnswered'] },
  loyalty: { label: 'Loyalty', types: ['PointsEarned', 'PointsSpent'] },
  profile: {
    label: 'Profile',
    types: [
      'CustomerRegistered',
      'CustomerUpdated',
      'CustomerIdentityAdded',
      'CustomerIdentityRemoved',
      'CustomerConsentChanged',
      'CustomerPreferencesChanged',
      'CustomerLifecycleStageChanged',
      'CustomerJoinedCompany',
      'CustomerLeftCompany',
      'CustomerFieldVerified',
      'CustomerFieldsRetracted',
      'CustomerRegistrationWithdrawn',
      'EnrichmentProposed',
      'EnrichmentAccepted',
      'EnrichmentRejected',
      'FieldReviewDue',
      'FieldReviewTaskOpened',
      'FieldReviewEscalated',
      'CustomersMerged',
      'CustomersUnmerged',
      'SegmentEntered',
      'SegmentLeft',
    ],
  },
};

const IDENTITY_NAMES = {
  email: 'E-mail address',
  phone: 'Phone number',
  wechat: 'WeChat id',
  weibo: 'Weibo id',
  member: 'Member number',
  external: 'External id',
  device: 'Device',
};
export const identityName = (kind, system) =>
  kind === 'external' && system ? `${words(system)} id` : (IDENTITY_NAMES[kind] ?? words(kind));

export const familyOf = (type) =>
  Object.keys(FAMILIES).find((family) => FAMILIES[family].types.includes(type)) ?? 'profile';

/** `Bought 3 items`: pieces where all quantities are whole, else lines, since kilograms are not pieces. */
function itemsOf(lines = []) {
  const quantities = lines.map((line) => Number(line.quantity));
  const pieces = quantities.every((quantity) => Number.isInteger(quantity));
  return plural(pieces ? quantities.reduce((sum, quantity) => sum + quantity, 0) : lines.length, 'item');
}

/** Shipping and tax are paid back without an item. */
function returnedWhat({ complete, lines = [] }) {
  if (lines.length === 0) return 'Paid back';
  return `Returned ${complete ? 'the whole purchase' : itemsOf(lines)},`;
}

function namesOf(lines = []) {
  const names = lines.map((line) => line.name).filter(Boolean);
  if (names.length <= 2) return names.join(' · ');
  return `${names.slice(0, 2).join(' · ')} · and ${number(names.length - 2)} more`;
}

const dash = (text) => (text ? ` — ${text}` : '');
const listed = (parts) => parts.filter(Boolean).join(', ');
const identityOf = (data, personal) => {
  const name = identityName(data.kind, personal.identity?.system);
  const value = personal.identity?.given ?? personal.identity?.value;
  return value ? `${name} ${value}` : name;
};

const npsGroup = (score) => (score >= 9 ? 'promoter' : score >= 7 ? 'passive' : 'detractor');
const KIND_ICONS = { call: 'phone', message: 'mail', visit: 'pin', chat: 'chat' };

/** `{ text, quote?, icon, tone? }` of (data, personal, entry). */
const SENTENCES = {
  CustomerRegistered: (data, personal) => ({
    text: `Registered as ${listed([data.kind === 'company' ? 'a company' : 'a person', data.stage && `stage ${data.stage}`])}`,
    quote: listed((personal.identities ?? []).map((identity) => identity.given ?? identity.value)),
    icon: data.kind === 'company' ? 'company' : 'person',
  }),
  CustomerUpdated: (data) => ({
    text: `Profile changed${data.changed?.length ? `: ${data.changed.map((field) => words(field).toLowerCase()).join(', ')}` : ''}`,
    icon: 'edit',
  }),
  CustomerIdentityAdded: (data, personal) => ({
    text: `${identityOf(data, personal)} ${data.held ? 'became the primary one' : 'added'}`,
    icon: 'key',
  }),
  CustomerFieldVerified: (data) => ({ text: `Verified: ${words(data.field).toLowerCase()}`, icon: 'key' }),
  CustomerFieldsRetracted: (data) => ({
    text: `Taken back, as ${data.source ?? 'an import'} said it: ${(data.fields ?? []).map((field) => words(field).toLowerCase()).join(', ')}`,
    icon: 'edit',
  }),
  EnrichmentProposed: (data) => ({
    text: `${words(data.provider)} proposes: ${(data.fields ?? []).map((field) => words(field).toLowerCase()).join(', ')}`,
    icon: 'edit',
  }),
  EnrichmentAccepted: (data) => ({
    text: `Proposal accepted: ${(data.fields ?? []).map((field) => words(field).toLowerCase()).join(', ')}`,
    icon: 'edit',
  }),
  EnrichmentRejected: (data) => ({
    text: `Proposal rejected: ${(data.fields ?? []).map((field) => words(field).toLowerCase()).join(', ')}${dash(data.reason)}`,
    icon: 'edit',
  }),
  FieldReviewDue: (data) => ({ text: `To be verified: ${words(data.field).toLowerCase()}`, icon: 'key' }),
  FieldReviewTaskOpened: (data) => ({
    text: `Task to verify: ${words(data.field).toLowerCase()}`,
    icon: 'key',
    tone: 'warn',
  }),
  FieldReviewEscalated: (data) => ({
    text: `Still not verified: ${words(data.field).toLowerCase()}`,
    icon: 'key',
    tone: 'warn',
  }),
  CustomerRegistrationWithdrawn: () => ({ text: 'Registration withdrawn', icon: 'person' }),
  CustomerIdentityRemoved: (data, personal) => ({ text: `${identityOf(data, personal)} removed`, icon: 'key' }),
  CustomerConsentChanged: (data) => ({
    text: `Consent ${data.status}: ${listed([words(data.purpose).toLowerCase(), data.channel && `by ${data.channel}`])}`,
    icon: 'shield',
    tone: data.status === 'granted' ? 'good' : 'warn',
  }),
  CustomerPreferencesChanged: (data) => ({
    text: `Contact preferences changed: ${(data.changed ?? []).map((name) => words(name.replace('preferences.', '')).toLowerCase()).join(', ')}`,
    icon: 'shield',
  }),
  CustomerLifecycleStageChanged: (data) => ({
    text: `Moved from ${data.from} to ${data.to}${dash(data.reason)}`,
    icon: 'steps',
  }),
  // One entry each of the person and of the company.
  CustomerJoinedCompany: (data) => ({
    text: `Person ${data.held ? 'is in' : 'joined'} the company${data.role ? ` as ${data.role}` : ''}${data.from ? ` from ${data.from}` : ''}`,
    icon: 'company',
  }),
  CustomerLeftCompany: (data) => ({
    text: `Person left the company${data.to ? ` on ${data.to}` : ''}${dash(data.reason)}`,
    icon: 'company',
  }),
  CustomersMerged: (data) => ({
    text: `Merged with ${plural(data.others?.length ?? 0, 'customer')}${dash(data.reason)}`,
    icon: 'person',
  }),
  CustomersUnmerged: (data) => ({
    text: `Merge with ${plural(data.others?.length ?? 0, 'customer')} undone${dash(data.reason)}`,
    icon: 'person',
    tone: 'warn',
  }),
  SegmentEntered: (data) => ({ text: `Entered the segment: ${words(data.segment)}`, icon: 'steps' }),
  SegmentLeft: (data) => ({ text: `Left the segment: ${words(data.segment)}`, icon: 'steps' }),
  InteractionRecorded: (data, personal) => ({
    text: `${listed([
      words(data.kind || data.channel),
      data.direction,
      data.durationSeconds !== undefined && duration(data.durationSeconds * 1000),
    ])}${dash(personal.subject)}`,
    quote: personal.body,
    icon: CHANNEL_ICONS[data.channel] ?? KIND_ICONS[data.kind] ?? 'chat',
  }),
  PurchaseRecorded: (data) => ({
    text: `Bought ${itemsOf(data.lines)} for ${money(data.total, data.currency)}`,
    quote: namesOf(data.lines),
    icon: 'cart',
  }),
  PurchaseCancelled: (data) => ({
    text: `Cancelled a purchase of ${itemsOf(data.lines)} for ${money(data.total, data.currency)}${dash(data.reason)}`,
    icon: 'return',
    tone: 'warn',
  }),
  PurchaseReturned: (data) => ({
    text: `${returnedWhat(data)} ${money(data.total, data.currency)}${dash(data.reason)}`,
    icon: 'return',
    tone: 'warn',
  }),
  FeedbackCaseOpened: (data, personal) => ({
    text: `${words(data.kind)} opened${dash(personal.subject)}`,
    quote: personal.body,
    icon: data.kind === 'complaint' ? 'alert' : data.kind === 'praise' ? 'star' : 'inbox',
    tone: data.kind === 'complaint' ? 'bad' : data.kind === 'praise' ? 'good' : undefined,
  }),
  FeedbackClassified: (data) => ({
    text: `Classified: ${listed([data.topic && words(data.topic).toLowerCase(), data.severity && `${data.severity} severity`, data.sentiment])}`,
    icon: 'tag',
  }),
  FeedbackAssigned: (data) => ({
    text: `Assigned to ${data.agent}${data.team ? ` (${data.team})` : ''}${dash(data.reason)}`,
    icon: 'person',
  }),
  FeedbackResponded: (data, personal) => ({
    text: `${data.first ? 'First answer' : 'Answered'} to the customer, ${duration(data.sinceOpenedMs)} after opening`,
    quote: personal.message,
    icon: 'reply',
  }),
  FeedbackResolved: (data, personal) => ({
    text: `Resolved after ${duration(data.sinceOpenedMs)}${dash(words(data.resolution).toLowerCase())}`,
    quote: personal.note,
    icon: 'check',
    tone: 'good',
  }),
  FeedbackRated: (data, personal) => ({
    text: `Rated the answer ${data.score} of ${data.scaleMax}${data.top ? ', satisfied' : ''}`,
    quote: personal.comment,
    icon: 'star',
    tone: data.top ? 'good' : 'warn',
  }),
  FeedbackReopened: (data, personal) => ({
    text: `Opened again${dash(data.reason)}`,
    quote: personal.note,
    icon: 'reopen',
    tone: 'bad',
  }),
  SurveyAnswered: (data, personal) => {
    const group = data.kind === 'NPS' ? npsGroup(data.score) : undefined;
    const favourable = data.scale && data.score >= data.scale.favourableFrom;
    return {
      text: `${data.kind} answer ${data.score}${data.scale ? ` of ${data.scale.max}` : ''}${dash(group)}`,
      quote: personal.comment,
      icon: 'survey',
      tone: group ? { promoter: 'good', passive: undefined, detractor: 'bad' }[group] : favourable ? 'good' : 'warn',
    };
  },
  PointsEarned: (data) => ({
    text: `Earned ${plural(data.points, 'point')}${dash(data.reason)}${balance(data)}`,
    icon: 'points',
  }),
  PointsSpent: (data) => ({
    text: `Spent ${plural(data.points, 'point')}${dash(data.reason)}${balance(data)}`,
    icon: 'gift',
  }),
};

const balance = (data) => (data.balance === undefined ? '' : ` (balance ${decimal(data.balance)})`);

export const SENTENCE_TYPES = Object.keys(SENTENCES);

/** A type that this page does not know yet is told by its name. */
export function sentenceOf(entry) {
  const told = SENTENCES[entry.type]?.(entry.data ?? {}, entry.personal ?? {}, entry) ?? {
    text: words(entry.type),
    icon: 'dot',
  };
  return { ...told, family: familyOf(entry.type) };
}
