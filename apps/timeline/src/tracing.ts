/**
 * OpenTelemetry's SDK, registered when its standard variables name a collector (`OTEL_EXPORTER_OTLP_ENDPOINT`). Sampling,
 * batching and the resource follow the standard variables too. Without an endpoint the SDK is not even loaded and spans cost
 * next to nothing.
 */
import { diag, DiagLogLevel } from '@opentelemetry/api';
import type { Config } from '@timeline/composing';
import type { Logger } from 'pino';

/** A collector that is away must not hold up the end of the process. */
const FLUSH_WITHIN_MS = 3_000;
const TELL_EVERY_MS = 60_000;

export interface Tracing {
  /** Sends what is left, for a few seconds at most. */
  stop(): Promise<void>;
}

export async function startTracing({ tracing }: Config, log: Logger): Promise<Tracing> {
  if (!tracing) return { stop: async () => undefined };
  const [{ OTLPTraceExporter }, resources, { BatchSpanProcessor, NodeTracerProvider }] = await Promise.all([
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/sdk-trace-node'),
  ]);
  const { defaultResource, detectResources, envDetector, resourceFromAttributes } = resources;
  tellOfTrouble(log);
  const resource = defaultResource()
    .merge(resourceFromAttributes({ 'service.name': 'customer-timeline' }))
    .merge(detectResources({ detectors: [envDetector] }));
  const provider = new NodeTracerProvider({
    resource,
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  provider.register();
  return {
    async stop() {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, FLUSH_WITHIN_MS)));
      // That it failed has been told by then.
      await Promise.race([provider.shutdown().catch(() => undefined), late]);
      clearTimeout(timer);
    },
  };
}

/** What the SDK has to say may quote the collector's address with its password, so only that it failed is told, now and then. */
function tellOfTrouble(log: Logger): void {
  let told = -Infinity;
  const tell = (): void => {
    if (performance.now() - told < TELL_EVERY_MS) return;
    told = performance.now();
    log.warn({ code: 'TRACES_NOT_SENT' }, 'traces could not be sent to the collector; some are lost');
  };
  const quiet = (): void => undefined;
  diag.setLogger(
    { error: tell, warn: tell, info: quiet, debug: quiet, verbose: quiet },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}
