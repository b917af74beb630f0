/** The relay between an SQLite log and Apache Kafka at `BROKER_URL`, two processes of it, killed at random instants. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SqliteEventStore } from '@timeline/event-store';
import { openMessageLog } from '@timeline/messaging';
import { readCommittedFromKafka } from '../../messaging/src/testing/kafka-audit.js';
import { type Happening, numberIn, record, until } from './testing/relay-fixtures.js';

const url = process.env['BROKER_URL'] ?? '';
if (!url) process.stderr.write('The relay on Kafka was not tested: BROKER_URL is not set (kafka://127.0.0.1:port).\n');

const CUSTOMERS = 40;
const EVENTS = 8_000;
/** The customer with this number has an event that cannot be mapped. */
const PARKED_CUSTOMER = 7;
const FIRST_BROKEN = CUSTOMERS * 30 + PARKED_CUSTOMER;

const happening = (number: number): Happening => ({
  customer: `customer-${number % CUSTOMERS}`,
  kind: number === FIRST_BROKEN ? 'broken' : number % 11 === 0 ? 'private' : 'public',
  number,
});

(url ? describe : describe.skip)('relays on Kafka', () => {
  const testing = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
  let dir: string;
  let running: ChildProcess[] = [];

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'timeline-relay-'));
  });
  afterEach(async () => {
    await Promise.all(running.map(kill));
    await rm(dir, { recursive: true, force: true });
  });

  const startRelay = (file: string, topic: string): ChildProcess => {
    const loader = testing('../../messaging/src/testing/run-typescript.mjs');
    const program = ['--import', loader, testing('./testing/relay-process.ts'), file, url, topic];
    const child = spawn(process.execPath, program, { stdio: ['ignore', 'ignore', 'inherit'] });
    running.push(child);
    return child;
  };
  const kill = async (child: ChildProcess): Promise<void> => {
    running = running.filter((one) => one !== child);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  };

  it('two at a time and killed at random instants, publish each event once and in order', async () => {
    const file = join(dir, 'events.db');
    const topic = `relayed-${randomUUID()}`;
    const events = await SqliteEventStore.open(file);
    const log = await openMessageLog(url);
    startRelay(file, topic);
    startRelay(file, topic);

    const recording = (async () => {
      for (let from = 0; from < EVENTS; from += 100) {
        const numbers = Array.from({ length: 100 }, (_, index) => from + index);
        await record(events, numbers.map(happening));
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    })();
    let kills = 0;
    for (let isRecording = true; isRecording;) {
      const instant = new Promise<boolean>((resolve) => setTimeout(resolve, 500 + Math.random() * 1_500, true));
      isRecording = await Promise.race([instant, recording.then(() => false)]);
      const victim = running[Math.floor(Math.random() * running.length)];
      if (!victim || !isRecording) break;
      await kill(victim);
      kills += 1;
      startRelay(file, topic);
    }
    await recording;

    const head = await events.head();
    const watch = await log.watch(`timeline-${events.logId}-events`);
    await until(() => watch.checkpoint()?.position === head?.position);
    await watch.close();
    await Promise.all(running.map(kill));

    const all = Array.from({ length: EVENTS }, (_, number) => happening(number));
    const sent = await readCommittedFromKafka(url, topic);
    for (let number = 0; number < CUSTOMERS; number += 1) {
      const own = all.filter((one) => one.customer === `customer-${number}` && one.kind !== 'private');
      const good = number === PARKED_CUSTOMER ? own.filter((one) => one.number < FIRST_BROKEN) : own;
      const numbers = sent.filter(({ key }) => key === `customer-${number}`).map(numberIn);
      expect(numbers).toEqual(good.map((one) => one.number));
    }
    const parked = await readCommittedFromKafka(url, `${topic}-parked`);
    const expected = all.filter(
      ({ customer, kind, number }) =>
        customer === `customer-${PARKED_CUSTOMER}` && kind !== 'private' && number >= FIRST_BROKEN,
    );
    expect(parked).toHaveLength(expected.length);
    expect(kills).toBeGreaterThan(3);
    await log.close();
    await events.close();
  });
});
