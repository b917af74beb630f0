/** `npm start`: reads the configuration, starts the server, stops it on SIGTERM, SIGINT or SIGHUP. */
import 'reflect-metadata';
import { readConfig } from '@timeline/composing';
import { errorCode, FaultError, UnavailableError } from '@timeline/kernel';
import { pino } from 'pino';
import { TimelineApp } from './app.js';

try {
  const config = readConfig(process.env);
  const log = pino({ level: config.logLevel });
  const app = await TimelineApp.start({ config, log });
  log.info({ url: app.url, roles: [...config.roles] }, `listening; open ${app.url}/`);
  let stopping = false;
  const stop = (signal: string): void => {
    // It may come twice: npm passes on what the terminal has sent to all of them already.
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'stopping: finishing what was accepted');
    app.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ code: errorCode(error) }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, stop);
} catch (error) {
  // What an operator can mend is said in words, without a stack.
  const isOurs = error instanceof FaultError || error instanceof UnavailableError;
  console.error(isOurs ? `${error.code}: ${error.message}` : error);
  process.exitCode = 1;
}
