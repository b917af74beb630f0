/** The product's HTTP interface as a service app uses it: requests out, answers with everything a test looks at. */
import { request as rawRequest } from 'node:http';

export type Json = Record<string, unknown>;

export interface Answer<Body = Json> {
  method: string;
  /** With its query. */
  path: string;
  status: number;
  headers: Headers;
  text: string;
  /** Of JSON; else the text. */
  body: Body;
}

export interface Outcome {
  id: string;
  revision: number;
  position: string;
}

export interface Sending {
  json?: unknown;
  /** As it stands, instead of `json`. */
  raw?: string | Uint8Array;
  headers?: Record<string, string>;
  /** Sent as `Timeline-Position`. */
  position?: string;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  errors?: { in?: string; pointer: string; code: string; detail: string }[];
  details?: Json;
}

export interface Page<Item = Json> {
  items: Item[];
  next?: string;
}

/** By the watch over duplicates. */
const WATCHED: ReadonlySet<string> = new Set(['DuplicateSuspected', 'DuplicateCleared']);

export class Api {
  constructor(
    readonly url: string,
    /** Told of every answer. */
    readonly onAnswer: (answer: Answer<unknown>) => void = () => undefined,
    /** Sent with every request, e.g. the API key. */
    readonly always: Readonly<Record<string, string>> = {},
  ) {}

  async send<Body = Json>(method: string, path: string, sending: Sending = {}): Promise<Answer<Body>> {
    const { json, raw, position, headers = {} } = sending;
    const body = raw ?? (json === undefined ? undefined : JSON.stringify(json));
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...(json !== undefined && { 'content-type': 'application/json' }),
        ...(position !== undefined && { 'timeline-position': position }),
        ...this.always,
        ...headers,
      },
      ...(body !== undefined && { body }),
    });
    const text = await response.text();
    const isJson = /[/+]json\b/.test(response.headers.get('content-type') ?? '');
    const answer: Answer<Body> = {
      method,
      path,
      status: response.status,
      headers: response.headers,
      text,
      // The test says what it expects; what comes instead fails its expectations.
      body: (isJson && text !== '' ? JSON.parse(text) : text) as Body,
    };
    this.onAnswer(answer);
    return answer;
  }

  /** A read that must be answered 200. */
  async read<Body = Json>(path: string, position?: string): Promise<Body> {
    const answer = await this.send<Body>('GET', path, position === undefined ? {} : { position });
    if (answer.status !== 200) throw new Error(`GET ${path} was answered ${answer.status}: ${answer.text}`);
    return answer.body;
  }

  /** A command that must go through. */
  async command(method: string, path: string, json?: unknown, headers: Record<string, string> = {}): Promise<Outcome> {
    const answer = await this.send<Outcome>(method, path, { headers, ...(json !== undefined && { json }) });
    if (answer.status >= 300) throw new Error(`${method} ${path} was answered ${answer.status}: ${answer.text}`);
    return answer.body;
  }

  post(path: string, json: unknown, headers?: Record<string, string>): Promise<Outcome> {
    return this.command('POST', path, json, headers);
  }

  /** Registers somebody; the name is not needed for most of what is tested. */
  register(more: Json = {}): Promise<Outcome> {
    return this.post('/v1/customers', { kind: 'person', ...more });
  }

  /** `POST /v1/commands`, all lines at once; an outcome a line. */
  async lines(lines: readonly unknown[], source?: string): Promise<LineOutcome[]> {
    const raw = lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('');
    return this.rawLines(raw, source);
  }

  async rawLines(raw: string | Uint8Array, source?: string): Promise<LineOutcome[]> {
    const answer = await this.send('POST', `/v1/commands${source === undefined ? '' : `?source=${source}`}`, {
      raw,
      headers: { 'content-type': 'application/x-ndjson' },
    });
    if (answer.status !== 200) throw new Error(`POST /v1/commands was answered ${answer.status}: ${answer.text}`);
    return linesOf(answer.text);
  }

  /** Position of the log's end; null while it is empty. */
  async head(): Promise<string | null> {
    // 503 while something is red: the head is told all the same.
    return (await this.send<{ head: string | null }>('GET', '/health/ready')).body.head;
  }

  /** What was written since by anybody's command: what the watch over duplicates finds by itself may come at any time. */
  async writtenSince(head: string | null): Promise<LoggedEvent[]> {
    if ((await this.head()) === head) return [];
    return (await this.events('', head ?? '')).filter(({ type }) => !WATCHED.has(type));
  }

  /** All pages of a list, each read at once after the other. */
  async all<Item>(path: string, position?: string): Promise<Item[]> {
    const items: Item[] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined;) {
      const withCursor: string = cursor && `${path.includes('?') ? '&' : '?'}cursor=${cursor}`;
      const page: Page<Item> = await this.read<Page<Item>>(`${path}${withCursor}`, position);
      items.push(...page.items);
      cursor = page.next;
    }
    return items;
  }

  /** The log from its beginning (or after `from`), without personal data. */
  async events(query = '', from = ''): Promise<LoggedEvent[]> {
    const items: LoggedEvent[] = [];
    for (let at = from; ;) {
      const page = await this.read<Page<LoggedEvent>>(`/v1/events?limit=1000${query}${at && `&from=${at}`}`);
      items.push(...page.items);
      if (page.items.length === 0 || !page.next) return items;
      at = page.next;
    }
  }
}

export interface LoggedEvent {
  id: string;
  type: string;
  stream: string;
  revision: number;
  position: string;
  data: Json;
  metadata: Json;
}

export type LineOutcome = { line: number; id?: string; status: number; outcome?: Outcome & { resent: boolean } } & {
  problem?: Problem;
};

export const linesOf = (text: string): LineOutcome[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LineOutcome);

/** A request that `fetch` would not send: any `Host`, header lines as they are. */
export function sendRaw(
  url: string,
  method: string,
  path: string,
  headers: Record<string, string | string[]>,
  body?: string,
): Promise<{ status: number; text: string; headers: NodeJS.Dict<string | string[]> }> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const request = rawRequest({ hostname, port, method, path, headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text, headers: response.headers }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** One server-sent event. */
export interface SseMessage {
  id?: string;
  event?: string;
  data: Json;
}

/** An open event stream: `next()` waits for the next message, `close()` hangs up. */
export class SseClient {
  #buffer = '';
  readonly #decoder = new TextDecoder();

  private constructor(
    readonly response: Response,
    private readonly reader: ReadableStreamDefaultReader<Uint8Array>,
    private readonly abort: AbortController,
  ) {}

  /** Resolves once the server has said that it is connected. */
  static async open(url: string, headers: Record<string, string> = {}): Promise<SseClient> {
    const abort = new AbortController();
    const response = await fetch(url, { headers: { accept: 'text/event-stream', ...headers }, signal: abort.signal });
    if (response.status !== 200 || !response.body) {
      throw new Error(`${url} was answered ${response.status}: ${await response.text()}`);
    }
    const client = new SseClient(response, response.body.getReader(), abort);
    if (!(await client.#frame())?.startsWith(':')) throw new Error('the stream does not begin with a comment');
    return client;
  }

  /** The next message; comments are passed over. Undefined once the server has ended the stream. */
  async next(): Promise<SseMessage | undefined> {
    for (;;) {
      const frame = await this.#frame();
      if (frame === undefined) return undefined;
      const fields = frame.split('\n').map((line) => line.split(/: (.*)/s, 2));
      const valueOf = (name: string): string | undefined => fields.find(([field]) => field === name)?.[1];
      const data = valueOf('data');
      if (data === undefined) continue;
      const [id, event] = [valueOf('id'), valueOf('event')];
      return {
        ...(id !== undefined && { id }),
        ...(event !== undefined && { event }),
        data: JSON.parse(data) as Json,
      };
    }
  }

  async take(count: number): Promise<SseMessage[]> {
    const messages: SseMessage[] = [];
    while (messages.length < count) {
      const message = await this.next();
      if (!message) throw new Error(`the stream ended after ${messages.length} of ${count} messages`);
      messages.push(message);
    }
    return messages;
  }

  close(): void {
    this.abort.abort();
  }

  async #frame(): Promise<string | undefined> {
    for (;;) {
      const end = this.#buffer.indexOf('\n\n');
      if (end >= 0) {
        const frame = this.#buffer.slice(0, end);
        this.#buffer = this.#buffer.slice(end + 2);
        return frame;
      }
      const { done, value } = await this.reader.read();
      if (done) return undefined;
      this.#buffer += this.#decoder.decode(value, { stream: true });
    }
  }
}

/** Runs `work` for each item, `width` at a time; answers in the order of the items. */
export async function sideBySide<Item, Result>(
  items: readonly Item[],
  width: number,
  work: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) {
      // Within the bounds just checked.
      results[index] = await work(items[index] as Item, index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
  return results;
}
