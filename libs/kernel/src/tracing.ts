/**
 * Spans: what happened on behalf of a request, in which order and how long it took, in OpenTelemetry's terms. Only its API
 * is used here, which does nothing until `apps/timeline` registers an SDK. One trace leads from the HTTP request through
 * the append to each projection and to the message published, because an event carries its command's trace context.
 *
 * Attributes and names hold types, names of ours, counts and codes: never a person's data, nor an id of one, nor the
 * message of an error, which might quote either.
 */
import {
  context,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Attributes,
  type Context,
  type Span,
  type SpanContext,
} from '@opentelemetry/api';
import { DomainError, errorCode } from './errors.js';

const tracer = trace.getTracer('customer-timeline');

/** Traces of one batch that get spans of their own; of the others the batch's span tells only how many there were. */
const TRACES_OF_A_BATCH = 32;

/** Runs `work` in a span under the active one, or under `parent`. A refusal is an outcome and no error of the span. */
export function inSpan<T>(
  name: string,
  attributes: Attributes,
  work: (span: Span) => Promise<T>,
  { kind = SpanKind.INTERNAL, parent = context.active() }: { kind?: SpanKind; parent?: Context } = {},
): Promise<T> {
  return tracer.startActiveSpan(name, { kind, attributes }, parent, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      span.setAttribute('error.type', errorCode(error));
      if (!(error instanceof DomainError)) span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  });
}

/**
 * Runs `work` that is done for several traces at once: a span in each of them, so that each shows it, and where there is
 * more than one, a span of the batch that is linked with them. Without a trace that is sampled there is no span.
 * @param traceparents of the events in the batch, one for each; absent where an event has none
 */
export async function inBatchSpan<T>(
  name: string,
  attributes: Attributes,
  traceparents: Iterable<string | undefined>,
  work: () => Promise<T>,
): Promise<T> {
  const counts = new Map<string, number>();
  for (const traceparent of traceparents)
    if (traceparent !== undefined) counts.set(traceparent, (counts.get(traceparent) ?? 0) + 1);
  const kind = SpanKind.CONSUMER;
  const parents = [...counts].slice(0, TRACES_OF_A_BATCH).flatMap(([traceparent, events]) => {
    const parent = parseTraceparent(traceparent);
    return parent ? [{ parent, events }] : [];
  });
  const [only] = parents;
  if (!only) return work();
  const under = ({ parent }: { parent: SpanContext }): Context => trace.setSpanContext(ROOT_CONTEXT, parent);
  if (parents.length === 1)
    return inSpan(name, { ...attributes, 'timeline.events': only.events }, work, { kind, parent: under(only) });
  const links = parents.map(({ parent }) => ({ context: parent }));
  const batch = tracer.startSpan(
    `${name} (batch)`,
    { kind, root: true, links, attributes: { ...attributes, 'timeline.traces': counts.size } },
    ROOT_CONTEXT,
  );
  const spans = parents.map((each) =>
    tracer.startSpan(
      name,
      {
        kind,
        links: [{ context: batch.spanContext() }],
        attributes: { ...attributes, 'timeline.events': each.events },
      },
      under(each),
    ),
  );
  spans.push(batch);
  try {
    return await context.with(trace.setSpan(ROOT_CONTEXT, batch), work);
  } catch (error) {
    for (const span of spans)
      span.setAttribute('error.type', errorCode(error)).setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    for (const span of spans) span.end();
  }
}

/** The active span in W3C form, for an event's metadata; undefined where it is not sampled: then nothing follows it. */
export function activeTraceparent(): string | undefined {
  const span = trace.getSpanContext(context.active());
  if (!span || !trace.isSpanContextValid(span) || !(span.traceFlags & TraceFlags.SAMPLED)) return undefined;
  return `00-${span.traceId}-${span.spanId}-01`;
}

function parseTraceparent(text: string): SpanContext | undefined {
  const [, traceId, spanId] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-01$/.exec(text) ?? [];
  return traceId && spanId ? { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true } : undefined;
}
