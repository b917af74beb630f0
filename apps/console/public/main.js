/** The page: reads its configuration, shows the view that the address names, and keeps the header in step. */
import { askAgain, get, onKeyNeeded } from './api.js';
import { announce, h, icon, replace } from './dom.js';
import { day, useTimeZone } from './format.js';
import { problemBox, skeleton } from './parts.js';
import { customerView } from './customer-view.js';
import { customersView } from './customers-view.js';
import { inboxView } from './inbox-view.js';
import { satisfactionView } from './satisfaction-view.js';
import { segmentsView } from './segments-view.js';
import { systemView, watchSystem } from './system.js';

/** `seesAsOf`: what is shown depends on the instant chosen in the header. */
const ROUTES = {
  customers: { view: customersView, one: customerView },
  segments: { view: segmentsView, one: segmentsView, seesAsOf: true },
  satisfaction: { view: satisfactionView, seesAsOf: true },
  inbox: { view: inboxView },
  system: { view: systemView },
};

const main = document.getElementById('main');
const asOfForm = document.getElementById('as-of');
const asOfInput = document.getElementById('as-of-input');
const asOfReset = document.getElementById('as-of-reset');

let config = { demo: false };
/** ISO 8601 UTC; undefined: now. */
let asOf;
let leave = new AbortController();
let shown;

/** `#/customers/1?q=x` → { name, id, query } */
function readAddress() {
  const [path = '', search = ''] = location.hash.replace(/^#\/?/, '').split('?', 2);
  const [name = '', id] = path.split('/', 2);
  return { name: name || 'customers', id: id ? decodeText(id) : undefined, query: new URLSearchParams(search) };
}

const decodeText = (text) => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** Keeps what was chosen in the address, so that it can be shared and gone back to, without showing the view anew. */
function setQuery(members) {
  const { name, id, query } = readAddress();
  for (const [key, value] of Object.entries(members)) {
    if (value) query.set(key, value);
    else query.delete(key);
  }
  const text = query.toString();
  const path = id === undefined ? name : `${name}/${encodeURIComponent(id)}`;
  history.replaceState(history.state, '', `#/${path}${text ? `?${text}` : ''}`);
}

async function show() {
  leave.abort();
  leave = new AbortController();
  askAgain();
  const { signal } = leave;
  const { name, id, query } = readAddress();
  const route = ROUTES[name];
  const view = id === undefined ? route?.view : route?.one;
  for (const link of document.querySelectorAll('#nav a')) {
    if (link.getAttribute('href') === `#/${name}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  asOfForm.hidden = !route?.seesAsOf;
  if (route?.seesAsOf && query.has('asOf')) takeAsOf(query.get('asOf') === 'now' ? undefined : query.get('asOf'));
  showAsOf();
  if (!view) {
    return replace(
      main,
      problemBox({ title: 'There is nothing here', message: 'this address names no view; choose one above' }),
    );
  }
  const isSamePlace = shown === name;
  if (!isSamePlace) replace(main, skeleton());
  main.setAttribute('aria-busy', 'true');
  try {
    const { title, element, keepsFocus } = await view({ id, query, setQuery, signal, config, asOf });
    if (signal.aborted) return;
    document.title = `${title} · Customer timeline`;
    replace(main, element);
    if (!keepsFocus && shown !== undefined) {
      window.scrollTo(0, 0);
      main.querySelector('h1')?.focus({ preventScroll: true });
    }
    if (keepsFocus && isSamePlace) main.querySelector('[aria-current]')?.focus({ preventScroll: true });
    announce(title);
    shown = name;
  } catch (problem) {
    if (signal.aborted) return;
    shown = undefined;
    replace(
      main,
      problemBox(problem, () => void show()),
    );
  } finally {
    if (!signal.aborted) main.removeAttribute('aria-busy');
  }
}

function takeAsOf(text) {
  const at = text ? new Date(text) : undefined;
  asOf = at && !Number.isNaN(at.getTime()) ? at.toISOString() : undefined;
}

function showAsOf() {
  asOfInput.value = asOf === undefined ? '' : asOf.slice(0, 16);
  asOfReset.hidden = !config.asOf || asOf === new Date(config.asOf).toISOString();
  document.getElementById('as-of-now').hidden = asOf === undefined;
}

function chooseAsOf(text) {
  takeAsOf(text);
  setQuery({ asOf: asOf ?? 'now' });
  void show();
}

function showNote() {
  const note = document.getElementById('note');
  const text =
    config.generatedNote ??
    (config.demo && 'Orders are the real Superstore sample; interactions, feedback and survey answers are generated.');
  if (!text) return;
  const end = config.asOf && ` Segments and satisfaction open at its end, ${day(config.asOf)}.`;
  replace(note, h('div', { class: 'note-inner' }, icon('tag'), h('p', {}, h('strong', {}, 'Demo data. '), text, end)));
  note.hidden = false;
}

/** Resolves to the key that the user gives, or to undefined. */
function askForKey(wasRefused) {
  const dialog = document.getElementById('key-dialog');
  const input = document.getElementById('key-input');
  if (wasRefused) document.getElementById('key-hint').textContent = 'The key was not accepted. Is it complete?';
  input.value = '';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'use' ? input.value.trim() : undefined), {
      once: true,
    });
  });
}

function wireHeader() {
  asOfForm.addEventListener('submit', (event) => event.preventDefault());
  asOfInput.addEventListener('change', () => {
    if (asOfInput.validity.valid) chooseAsOf(asOfInput.value && `${asOfInput.value}:00.000Z`);
  });
  asOfReset.addEventListener('click', () => chooseAsOf(config.asOf));
  document.getElementById('as-of-now').addEventListener('click', () => chooseAsOf(undefined));
  document.getElementById('skip').addEventListener('click', (event) => {
    // The address is the router's.
    event.preventDefault();
    main.focus();
  });
  const dialog = document.getElementById('key-dialog');
  document.getElementById('key-form').addEventListener('submit', (event) => {
    event.preventDefault();
    dialog.close('use');
  });
  document.getElementById('key-cancel').addEventListener('click', () => dialog.close('cancel'));
  dialog.addEventListener('cancel', () => (dialog.returnValue = 'cancel'));
}

onKeyNeeded(askForKey);
wireHeader();
try {
  config = { ...config, ...(await get('/console/config.json')) };
} catch (problem) {
  replace(
    main,
    problemBox(problem, () => location.reload()),
  );
}
if (config.timeZone) useTimeZone(config.timeZone);
takeAsOf(config.asOf);
showNote();
watchSystem(document.getElementById('status'));
window.addEventListener('hashchange', () => void show());
void show();
