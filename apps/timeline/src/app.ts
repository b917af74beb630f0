/** The server put together: product, HTTP, health, metrics, page. `main.ts` runs it; tests start it the same way. */
import type { AddressInfo } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { BulkCommands, Product, type Config, type Slice } from '@timeline/composing';
import { carryOutErasures } from '@timeline/customers';
import { DEMO_END, importDemoOnce } from '@timeline/demo';
import { createHttpApp } from '@timeline/http';
import { backoffMs, delay, systemClock, UnavailableError, type Clock } from '@timeline/kernel';
import { productSlices } from '@timeline/product';
import type { Logger } from 'pino';
import { CONSOLE_OPEN_PATHS, serveConsole, type ConsoleConfig } from '../../console/src/index.js';
import { CommandsController } from './commands.controller.js';
import { HealthController } from './health.controller.js';
import { HealthService } from './health.service.js';
import { troubleOf } from './log.js';
import { MetricsService } from './metrics.service.js';
import { WaitingRoom } from './waiting-room.js';

/** A start that takes longer than this is told of as one that waits. */
const HANGING_MS = 2_000;
const DESCRIPTION = 'Everything that happens to a customer, written once; every view a projection of it.';

export interface AppOptions {
  config: Config;
  log: Logger;
  clock?: Clock;
  /** Default: those of the product. */
  slices?: readonly Slice[];
  /** Called when all is ready but the listening. */
  beforeListening?: () => Promise<void>;
}

export class TimelineApp {
  readonly #stopImport = new AbortController();
  #importing: Promise<void> | undefined;

  private constructor(
    readonly options: AppOptions,
    readonly product: Product,
    readonly http: NestFastifyApplication,
  ) {}

  /** Waits for stores that do not answer, and says so meanwhile, until `signal`; then there is no app. */
  static async startPatiently(options: AppOptions, signal: AbortSignal): Promise<TimelineApp | undefined> {
    const { config, log } = options;
    const room = new WaitingRoom();
    // A store that hangs says nothing for a while. If the port is taken, the start itself will say so.
    const hanging = setTimeout(() => {
      log.warn({ code: 'START_HANGS' }, 'the start takes long: perhaps waiting for a store that does not answer');
      room.open(config.port, config.host).catch(() => undefined);
    }, HANGING_MS);
    try {
      for (let attempt = 0; !signal.aborted; attempt += 1) {
        try {
          const beforeListening = (): Promise<void> => {
            // It must not take the port that is about to be listened on.
            clearTimeout(hanging);
            return room.close();
          };
          return await TimelineApp.start({ ...options, beforeListening });
        } catch (error) {
          if (!(error instanceof UnavailableError)) throw error;
          clearTimeout(hanging);
          if (room.service !== error.service)
            log.warn({ ...troubleOf(error), service: error.service }, 'cannot start yet: waiting for a store');
          room.service = error.service;
          await room.open(config.port, config.host);
          await delay(backoffMs(attempt), signal);
        }
      }
      return undefined;
    } finally {
      clearTimeout(hanging);
      await room.close();
    }
  }

  /** @throws UnavailableError while a store is away; nothing is left open then */
  static async start(options: AppOptions): Promise<TimelineApp> {
    const { config, log, clock } = options;
    const product = await Product.open({
      config,
      slices: options.slices ?? productSlices(config),
      ...(clock && { clock }),
      report: ({ level, message, ...fields }) => {
        log[level](fields, message);
        metrics.noticed(level, fields.code ?? 'none');
      },
    });
    const metrics = new MetricsService();
    let http: NestFastifyApplication | undefined;
    try {
      const module = product.module({
        providers: [
          { provide: Product, useValue: product },
          { provide: MetricsService, useValue: metrics },
          HealthService,
        ],
        controllers: [HealthController, ...(product.has('commands') ? [CommandsController] : [])],
      });
      http = await createHttpApp(module, {
        host: config.host,
        apiKeys: config.apiKeys,
        openPaths: ['/health/live', ...CONSOLE_OPEN_PATHS],
        log,
        onAnswered: (request) => {
          metrics.answered(request);
          const { seconds, ...line } = request;
          // Probes, scrapes and the page's files are no work of anybody's.
          const level = request.route.startsWith('/v1/') ? 'info' : 'debug';
          log[level]({ ...line, ms: Math.round(seconds * 10_000) / 10 }, 'answered');
        },
        openApi: { title: 'Customer timeline', version: '1', description: DESCRIPTION },
      });
      if (product.has('queries')) serveConsole(http.getHttpAdapter().getInstance(), () => pageOf(config));
      await carryOutErasures(product.events, product.ring);
      const health = http.get(HealthService);
      metrics.look = () => health.look();
      await product.start(http);
      await options.beforeListening?.();
      await http.listen(config.port, config.host);
    } catch (error) {
      await http?.close();
      await product.stop();
      throw error;
    }
    const app = new TimelineApp(options, product, http);
    if (config.demo && product.has('commands')) app.#importing = app.#importDemo();
    return app;
  }

  get url(): string {
    // Fastify listens on TCP here, never on a pipe.
    const { port } = this.http.getHttpServer().address() as AddressInfo;
    return `http://${this.options.config.host}:${port}`;
  }

  /** Finishes what was accepted, then closes. */
  async stop(entering: (part: string) => void = () => undefined): Promise<void> {
    entering('requests');
    this.#stopImport.abort();
    await this.#importing;
    await this.http.close();
    await this.product.stop(entering);
  }

  async #importDemo(): Promise<void> {
    const { log, clock } = this.options;
    const bulk = this.http.get(BulkCommands, { strict: false });
    let told = Date.now();
    try {
      const summary = await importDemoOnce(this.product.events, bulk, clock ?? systemClock, {
        signal: this.#stopImport.signal,
        progress: (done) => {
          if (Date.now() - told < 2_000) return;
          told = Date.now();
          log.info({ commands: done }, 'importing the demo');
        },
      });
      // Cut off by a stop, it goes on at the next start.
      if (!summary || this.#stopImport.signal.aborted) return;
      const { recorded, resent, failed, problems } = summary;
      const first = problems.map((problem) => ('problem' in problem ? problem.problem.code : ''));
      log[failed > 0 ? 'error' : 'info'](
        { recorded, resent, failed, ...(failed > 0 && { first }) },
        'the demo is imported',
      );
    } catch (error) {
      log.error(troubleOf(error), 'the demo could not be imported; it goes on at the next start');
    }
  }
}

/** The demo's page opens at the end of its data. */
const pageOf = (config: Config): ConsoleConfig => ({
  demo: config.demo,
  timeZone: config.reportingTimeZone,
  ...(config.demo && { asOf: DEMO_END, from: '2014-01-01', to: '2017-12-31' }),
});
