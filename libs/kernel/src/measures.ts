/**
 * What the libraries tell about their work in numbers, for whoever counts it (`apps/timeline` for Prometheus). Nothing is
 * handed around for it and nobody has to listen: it goes over Node's diagnostics channels, which cost next to nothing
 * then. Names and codes are ours and few, so that each can be a label.
 */
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { errorCode } from './errors.js';

export interface Measures {
  /** `outcome`: `done`, `resent`, or the code of the error. */
  command: { command: string; outcome: string; seconds: number };
  /** `outcome`: `appended`, `repeated` (it was there already), or the code of the error. */
  append: { outcome: string; events: number; seconds: number };
  /** Something is tried again: a decision that others were quicker than, work that waits for a store or a broker. */
  retry: { part: 'command' | 'event-store' | 'projection' | 'reaction' | 'relay'; code: string };
  /** Events that moved a build, in one batch. */
  batch: { projection: string; events: number; seconds: number };
  /** `outcome`: `recorded`, `later` (its time has not come), or the code of the error. */
  reaction: { reaction: string; outcome: string };
  /** One transaction. `outcome`: `published`, or the code of the error. */
  publish: { outcome: string; messages: number; seconds: number };
}

const channels: { [Kind in keyof Measures]: ReturnType<typeof channel> } = {
  command: channel('timeline:command'),
  append: channel('timeline:append'),
  retry: channel('timeline:retry'),
  batch: channel('timeline:batch'),
  reaction: channel('timeline:reaction'),
  publish: channel('timeline:publish'),
};

export function measure<Kind extends keyof Measures>(kind: Kind, value: Measures[Kind]): void {
  if (channels[kind].hasSubscribers) channels[kind].publish(value);
}

/** Runs `work` and tells how it came out, by `done` or the error's code, and how long it took. */
export async function timed<T>(
  work: () => Promise<T>,
  tell: (outcome: string, seconds: number) => void,
  done: (result: T) => string,
): Promise<T> {
  const start = performance.now();
  const seconds = (): number => (performance.now() - start) / 1000;
  try {
    const result = await work();
    tell(done(result), seconds());
    return result;
  } catch (error) {
    tell(errorCode(error), seconds());
    throw error;
  }
}

/** Answers what ends the listening. */
export function onMeasure<Kind extends keyof Measures>(
  kind: Kind,
  listener: (value: Measures[Kind]) => void,
): () => void {
  const name = `timeline:${kind}`;
  // Only `measure` publishes there.
  const heard = (message: unknown): void => listener(message as Measures[Kind]);
  subscribe(name, heard);
  return () => void unsubscribe(name, heard);
}
