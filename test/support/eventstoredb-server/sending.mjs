/** Answers that are streams: one at a time as the reader takes them, and an end for whatever reason. */
import { status } from '@grpc/grpc-js';
import { failure } from './messages.mjs';

const SLOW_AFTER_MS = 100;

export class Sending {
  #call;
  #ended = new AbortController();

  constructor(call) {
    this.#call = call;
    open.add(this);
    const end = () => this.#end();
    call.on('cancelled', end);
    call.on('close', end);
    call.on('error', end);
  }

  /** Aborted when nobody reads any more. */
  get signal() {
    return this.#ended.signal;
  }

  get isOver() {
    return this.#ended.signal.aborted;
  }

  /**
   * Resolves when there is room for the next. `whenSlow` is called every 100 ms that there is none.
   * @param {() => void} [whenSlow]
   */
  async send(message, whenSlow) {
    if (this.isOver || this.#call.write(message)) return;
    const timer = whenSlow && setInterval(whenSlow, SLOW_AFTER_MS);
    await new Promise((resolve) => {
      const done = () => {
        this.#call.removeListener('drain', done);
        this.signal.removeEventListener('abort', done);
        resolve();
      };
      this.#call.on('drain', done);
      this.signal.addEventListener('abort', done);
      if (this.isOver) done();
    });
    clearInterval(timer);
  }

  end() {
    if (this.isOver) return;
    this.#end();
    this.#call.end();
  }

  /** @param {ReturnType<typeof failure>} error */
  fail(error) {
    if (this.isOver) return;
    this.#end();
    this.#call.emit('error', error);
  }

  #end() {
    open.delete(this);
    this.#ended.abort();
  }
}

/** @type {Set<Sending>} */
const open = new Set();

export const isAnyOpen = () => open.size > 0;

/** What a server that stops does to those who still read. */
export function failAll() {
  for (const sending of [...open]) sending.fail(failure(status.INTERNAL, 'Received RST_STREAM with code 0'));
}
