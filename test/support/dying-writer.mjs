/** Stands in for the thread that writes a store: ends at the first work it is given. */
import { parentPort } from 'node:worker_threads';

parentPort.on('message', (message) => (message === 'close' ? parentPort.close() : process.exit(1)));
