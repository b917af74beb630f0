/**
 * Loaded before the product (`NODE_OPTIONS=--import=…`): the time of day is off by the milliseconds that the file
 * CLOCK_OFFSET_FILE holds, read anew whenever the time is asked for, so that a test moves the clock under the running
 * process. Timers and `performance.now` stay as they are, as they do when the clock of a machine is set.
 */
import { readFileSync } from 'node:fs';

const file = process.env.CLOCK_OFFSET_FILE;
const TrueDate = Date;

function offset() {
  try {
    return Number(readFileSync(file, 'utf8')) || 0;
  } catch {
    return 0;
  }
}

globalThis.Date = class Date extends TrueDate {
  constructor(...parts) {
    if (parts.length === 0) super(TrueDate.now() + offset());
    else super(...parts);
  }
  static now() {
    return TrueDate.now() + offset();
  }
};
