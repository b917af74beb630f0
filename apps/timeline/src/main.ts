/**
 * `npm start`: reads the configuration, starts the server, waits for stores that are away, stops on SIGTERM, SIGINT or
 * SIGHUP. What stops it from running is a line of the log, and for whoever sits at a terminal words on stderr.
 */
import 'reflect-metadata';
import { misspelt, readConfig } from '@timeline/composing';
import { delay } from '@timeline/kernel';
import { TimelineApp } from './app.js';
import { openLog, troubleOf } from './log.js';
import { startTracing } from './tracing.js';

/** A start that hangs holds nothing that was accepted, so it is not waited for longer. */
const START_ENDS_WITHIN_MS = 2_000;

let log = openLog('info');

function tell(error: unknown, what: string): void {
  const trouble = troubleOf(error);
  log.fatal(trouble, what);
  // What an operator can mend is said in words, without a stack.
  console.error(
    trouble.reason === undefined ? `${trouble.code}\n${trouble.stack}` : `${trouble.code}: ${trouble.reason}`,
  );
}

function endBy(error: unknown, what: string): never {
  tell(error, what);
  process.exit(1);
}

process.on('uncaughtException', (error) => endBy(error, 'ended by an error that nobody caught'));

try {
  const config = readConfig(process.env);
  log = openLog(config.logLevel);
  for (const { name, meant } of misspelt(process.env))
    log.warn({ code: 'CONFIG_NAME_UNKNOWN' }, `${name} has no effect; ${meant} may be meant`);
  const tracing = await startTracing(config, log);
  const aborting = new AbortController();
  const starting = TimelineApp.startPatiently({ config, log }, aborting.signal);

  const stop = async (signal: string): Promise<void> => {
    // It may come twice: npm passes on what the terminal has sent to all of them already.
    if (aborting.signal.aborted) return;
    aborting.abort();
    log.info({ signal }, 'stopping: finishing what was accepted');
    const app = await Promise.race([starting, delay(START_ENDS_WITHIN_MS)]);
    let part = '';
    const stopping = app?.stop((next) => (part = next)).then(() => true);
    const isDone = await Promise.race([stopping ?? true, delay(config.stopWithinMs)]);
    if (!isDone) log.error({ code: 'STOP_TIMED_OUT', part }, `stopping hangs at: ${part}; ending without it`);
    await tracing.stop();
    process.exit(isDone ? 0 : 1);
  };
  const stopOn = (signal: string): void => void stop(signal).catch((error: unknown) => endBy(error, 'stopping failed'));
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, stopOn);

  const app = await starting;
  if (app) log.info({ url: app.url, roles: [...config.roles] }, `listening; open ${app.url}/`);
} catch (error) {
  tell(error, 'the start failed');
  // It ends by itself: cut off, it would leave files beside the stores that were there already.
  process.exitCode = 1;
}
