/** The HTTP API. Every refusal becomes a `Problem`, whose text is the server's own. */

const KEY = 'timeline.api-key';

export class Problem extends Error {
  constructor({ status, code, title, detail, errors = [], instance }) {
    super(detail ?? title ?? 'the request failed');
    this.name = 'Problem';
    this.status = status;
    this.code = code;
    this.title = title;
    this.errors = errors;
    this.instance = instance;
  }
}

let askForKey;
/** `ask(wasRefused)` resolves to a key, or to undefined when the user will not give one. */
export const onKeyNeeded = (ask) => (askForKey = ask);
export const hasKey = () => sessionStorage.getItem(KEY) !== null;

let asking;
let isDeclined = false;
/** Who closed the question without a key is not asked again before doing something that needs one. */
export const askAgain = () => (isDeclined = false);

/** One question at a time, however many requests were refused. Resolves to whether there is another key to try now. */
function anotherKey(refused) {
  if (sessionStorage.getItem(KEY) !== refused) return Promise.resolve(true);
  if (isDeclined) return Promise.resolve(false);
  asking ??= Promise.resolve(askForKey?.(refused !== null))
    .then((key) => {
      if (key) sessionStorage.setItem(KEY, key);
      isDeclined = !key;
      return Boolean(key);
    })
    .finally(() => (asking = undefined));
  return asking;
}

export async function problemOf(response) {
  let body = {};
  try {
    body = await response.json();
  } catch {
    // Not from the API itself, e.g. a proxy's page: the status is all there is to tell.
  }
  return new Problem({
    ...body,
    status: response.status,
    detail: body.detail ?? `the server answered ${response.status} ${response.statusText}`.trim(),
  });
}

/** The response, whatever its status; with the key where there is one, and asking for one where the server wants it. */
export async function request(path, { headers = {}, signal } = {}) {
  for (;;) {
    const key = sessionStorage.getItem(KEY);
    let response;
    try {
      response = await fetch(path, {
        headers: { accept: 'application/json', ...headers, ...(key && { authorization: `Bearer ${key}` }) },
        signal,
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Problem({ code: 'UNREACHABLE', detail: 'the server cannot be reached; is it running?' });
    }
    if (response.status !== 401 || !(await anotherKey(key))) return response;
  }
}

/** `?a=1&b=x,y` of the members that have a value. */
export function withQuery(path, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0)) continue;
    query.set(name, Array.isArray(value) ? value.join(',') : String(value));
  }
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}

/**
 * @param position a `Timeline-Position` that the answer must have seen. Where that takes too long, what there is by
 *   then is better than an error.
 */
export async function get(path, parameters, { signal, position } = {}) {
  const address = withQuery(path, parameters);
  const headers = position ? { 'timeline-position': position } : {};
  const response = await request(address, { headers, signal });
  if (response.ok) return response.json();
  const problem = await problemOf(response);
  if (position && problem.code === 'POSITION_NOT_REACHED') return get(path, parameters, { signal });
  throw problem;
}

const profiles = new Map();
const PROFILES_KEPT = 500;

/** For names in lists; the customer's own page asks anew. */
export function cachedProfile(customerId) {
  let profile = profiles.get(customerId);
  if (!profile) {
    if (profiles.size >= PROFILES_KEPT) profiles.clear();
    profile = get(`/v1/customers/${encodeURIComponent(customerId)}`);
    profiles.set(customerId, profile);
    profile.catch(() => profiles.delete(customerId));
  }
  return profile;
}

/** `/health/ready` answers 503 with the same body while something is wrong. */
export async function health(signal) {
  const response = await request('/health/ready', { signal });
  if (response.ok || response.status === 503) {
    const body = await response.json().catch(() => ({}));
    if (body.projections || body.stores) return body;
    throw new Problem({ ...body, status: response.status });
  }
  throw await problemOf(response);
}
