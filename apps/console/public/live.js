/**
 * Server-sent events, by `fetch` and not by `EventSource`: that one can send neither an API key nor the position to
 * start after. Pauses while the page is hidden, since a browser gives one HTTP/1.1 server six connections over all tabs;
 * nothing is missed, the stream goes on after the last event seen.
 */
import { Problem, problemOf, request } from './api.js';

/** The server sends a comment every 15 s, so a stream that is silent for longer is dead. */
const SILENT_MS = 45_000;

/**
 * @param after position to start after; default: now
 * @param onEvent ({ id, event, data }) with `data` parsed
 * @param onState `connecting`, `live`, `paused`, `waiting` (reconnects by itself) or, for good, `refused` with a Problem
 * @param signal ends it
 */
export async function follow(path, { after, onEvent, onState, signal }) {
  let last = after;
  let attempt = 0;
  while (!signal.aborted) {
    if (document.hidden) {
      onState('paused');
      await visible(signal);
      continue;
    }
    onState('connecting');
    const connection = new AbortController();
    const leave = () => connection.abort();
    const hide = () => document.hidden && leave();
    signal.addEventListener('abort', leave, { once: true });
    document.addEventListener('visibilitychange', hide);
    try {
      const response = await request(path, {
        headers: { accept: 'text/event-stream', ...(last && { 'last-event-id': last }) },
        signal: connection.signal,
      });
      if (!response.ok) throw await problemOf(response);
      onState('live');
      attempt = 0;
      for await (const event of eventsOf(response.body, leave)) {
        last = event.id ?? last;
        onEvent(event);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Problem && error.status >= 400 && error.status < 500 && error.status !== 429) {
        onState('refused', error);
        return;
      }
    } finally {
      signal.removeEventListener('abort', leave);
      document.removeEventListener('visibilitychange', hide);
      connection.abort();
    }
    if (signal.aborted || document.hidden) continue;
    onState('waiting');
    await delay(Math.min(15_000, 500 * 2 ** attempt++) * (0.75 + Math.random() / 2), signal);
  }
}

async function* eventsOf(body, onSilence) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let silence = setTimeout(onSilence, SILENT_MS);
  let buffer = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(silence);
      silence = setTimeout(onSilence, SILENT_MS);
      buffer += value;
      // The server ends lines with \n; a frame is whole once there is an empty line.
      const frames = buffer.split('\n\n');
      buffer = frames.pop();
      for (const frame of frames) {
        const event = parseFrame(frame);
        if (event) yield event;
      }
    }
  } finally {
    clearTimeout(silence);
    reader.cancel().catch(() => undefined);
  }
}

/** Undefined for a comment. */
export function parseFrame(frame) {
  const fields = { event: 'message' };
  const data = [];
  for (const line of frame.split('\n')) {
    const colon = line.indexOf(':');
    if (colon === 0) continue;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') data.push(value);
    else if (name === 'id' || name === 'event') fields[name] = value;
  }
  return data.length === 0 ? undefined : { ...fields, data: JSON.parse(data.join('\n')) };
}

function visible(signal) {
  return new Promise((resolve) => {
    const look = () => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener('visibilitychange', look);
      signal.removeEventListener('abort', look);
      resolve();
    };
    document.addEventListener('visibilitychange', look);
    signal.addEventListener('abort', look);
    look();
  });
}

function delay(ms, signal) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}
