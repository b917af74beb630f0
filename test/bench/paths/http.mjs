// `POST /v1/interactions` with 64 connections (autocannon), an `Idempotency-Key` on each, against the built product with
// the role `commands`, its log at the level that it has by default.
// Raw: a bare Fastify route that appends, requests that wait together in one transaction.
// And the same commands as NDJSON in one request to `POST /v1/commands`. Raw: a bare route that appends 500 lines a transaction.
import autocannon from 'autocannon';
import { IN_FLIGHT } from '../support/commands.mjs';
import { interactionsFrom } from '../support/history.mjs';
import { cpuMicrosOf, startProductIn, startRaw } from '../support/http-sides.mjs';
import { randomFrom } from '../support/random.mjs';
import { interleaved } from '../support/rounds.mjs';
import { compared } from '../support/rows.mjs';

export const scales = {
  quick: { requests: 3_000, lines: 4_000, rounds: 3 },
  normal: { requests: 15_000, lines: 30_000, rounds: 7 },
  full: { requests: 30_000, lines: 100_000, rounds: 9 },
};
const CUSTOMERS = 1_000;
const SEED = 65;

export async function run({ folder, scale: { requests, lines, rounds } }) {
  const ours = await startProductIn(folder);
  const raw = await startRaw(folder);
  try {
    const next = interactionsFrom(randomFrom(SEED), await register(ours.url));
    const loadedBy = (side) => () => {
      const bodies = Array.from({ length: requests }, next);
      return served(side, requests, () => load(side.url, bodies));
    };
    const bulk = (side) => (round) => {
      const commands = Array.from({ length: lines }, (_, n) =>
        lineOf(`bulk-${round}-${n}`, 'RecordInteraction', next()),
      );
      return served(side, lines, async () => {
        await sendLines(side.url, commands);
        return performance.now();
      });
    };
    const single = await interleaved({ rounds, ours: loadedBy(ours), raw: loadedBy(raw) });
    const many = await interleaved({ rounds, ours: bulk(ours), raw: bulk(raw) });
    return [
      compared({
        id: 'http',
        what: 'commands over HTTP, 64 connections, SQLite',
        against: 'bare Fastify route that appends, same tables, group commit',
        unit: 'requests/s',
        figures: single,
        aim: { atLeast: 0.7 },
        checked: true,
      }),
      compared({
        id: 'ndjson',
        what: 'commands as NDJSON in one request, SQLite',
        against: 'bare Fastify route that appends 500 lines a transaction, same tables',
        unit: 'lines/s',
        figures: many,
        aim: { atLeast: 0.7 },
        checked: true,
      }),
    ];
  } finally {
    await ours.stop();
    await raw.stop();
  }
}

const lineOf = (id, type, data) => `${JSON.stringify({ id, type, data })}\n`;

async function register(url) {
  const people = Array.from({ length: CUSTOMERS }, (_, n) =>
    lineOf(`person-${n}`, 'RegisterCustomer', { kind: 'person', name: { full: `Person ${n}` } }),
  );
  return (await sendLines(url, people)).map(({ outcome }) => outcome.id);
}

/** Answers the outcomes; every line must have been taken. */
async function sendLines(url, lines) {
  const response = await fetch(`${url}/v1/commands`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: lines.join(''),
  });
  const outcomes = (await response.text())
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const refused = outcomes.find(({ status }) => status !== 200);
  if (refused || outcomes.length !== lines.length)
    throw new Error(`${outcomes.length} answers: ${JSON.stringify(refused)}`);
  return outcomes;
}

let sent = 0;

async function load(url, bodies) {
  const texts = bodies.map((body) => JSON.stringify(body));
  let at = 0;
  const setupRequest = (request) => {
    const body = texts[at % texts.length];
    at += 1;
    sent += 1;
    const headers = { 'content-type': 'application/json', 'idempotency-key': `http-${sent}` };
    return { ...request, method: 'POST', path: '/v1/interactions', headers, body };
  };
  const loading = autocannon({ url, connections: IN_FLIGHT, amount: texts.length, requests: [{ setupRequest }] });
  // It says that it is over at the end of a second.
  let over;
  loading.on('response', () => (over = performance.now()));
  const result = await loading;
  if (result.non2xx > 0 || result.errors > 0 || result['2xx'] !== texts.length)
    throw new Error(
      `${result['2xx']} of ${texts.length} were taken, ${result.non2xx} refused, ${result.errors} failed`,
    );
  return over;
}

/** `work` answers when it was over. A figure with the server's processor time, where it can be known; this process's is that of the load. */
async function served({ pid }, units, work) {
  const before = cpuMicrosOf(pid);
  const started = performance.now();
  const over = await work();
  const value = (units * 1000) / (over - started);
  return { value, ...(before !== undefined && { cpuMicros: (cpuMicrosOf(pid) - before) / units }) };
}
