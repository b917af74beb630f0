/**
 * Slices under test as the product runs them: real embedded stores in a folder of their own, the command bus,
 * projections and reactions. No HTTP.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { INestApplicationContext, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { QueryBus, type IQuery } from '@nestjs/cqrs';
import { Commands, type CommandOutcome, type CommandRequest, type CommandType } from '@timeline/deciding';
import { Clock, type Position } from '@timeline/kernel';
import type { ReadModel, Projection, FeedNotice } from '@timeline/projecting';
import { readConfig, type Role } from '../config.js';
import { Product } from '../product.js';
import type { Slice } from '../slice.js';

/** A clock that tests set; it stands still. */
export class TestClock extends Clock {
  constructor(public instant = new Date('2026-03-01T12:00:00.000Z')) {
    super();
  }
  override now(): Date {
    return this.instant;
  }
  advance(ms: number): void {
    this.instant = new Date(this.instant.getTime() + ms);
  }
}

export interface HarnessOptions {
  slices: readonly Slice[];
  /** Default: the system's. */
  clock?: Clock;
  /** Default: commands, queries, projections and reactions. */
  roles?: readonly Role[];
}

export class Harness {
  readonly notices: FeedNotice[] = [];
  product!: Product;
  context!: INestApplicationContext;

  private constructor(
    readonly folder: string,
    readonly options: HarnessOptions,
  ) {}

  static async start(options: HarnessOptions): Promise<Harness> {
    const harness = new Harness(await mkdtemp(path.join(tmpdir(), 'timeline-harness-')), options);
    await harness.#open();
    return harness;
  }

  async #open(): Promise<void> {
    const { slices, clock, roles } = this.options;
    const at = (name: string): string => path.join(this.folder, name);
    const config = readConfig({
      EVENT_STORE_URL: `sqlite:${at('events.db')}`,
      READ_STORE_URL: `sqlite:${at('reads.db')}`,
      KEY_STORE_URL: `sqlite:${at('keys.db')}`,
      MASTER_KEY_FILE: at('master.key'),
      ROLES: (roles ?? ['commands', 'queries', 'projections', 'reactions']).join(','),
    });
    this.product = await Product.open({
      config,
      slices,
      ...(clock && { clock }),
      report: (notice) => this.notices.push(notice),
    });
    this.context = await NestFactory.createApplicationContext(this.product.module(), {
      logger: false,
      abortOnError: false,
    });
    await this.product.start(this.context);
  }

  async #close(): Promise<void> {
    await this.context.close();
    await this.product.stop();
  }

  /** Stops and starts again on the same files; `between` may do to them what a crash or an operator would. */
  async restart(between?: (folder: string) => Promise<void>): Promise<void> {
    await this.#close();
    await between?.(this.folder);
    await this.#open();
  }

  async dispose(): Promise<void> {
    await this.#close();
    await rm(this.folder, { recursive: true, force: true });
  }

  get<T>(type: Type<T>): T {
    return this.context.get(type, { strict: false });
  }

  /** `data` is taken as validated. */
  dispatch<Data extends object>(
    type: CommandType<Data>,
    data: Data,
    request: Partial<CommandRequest> = {},
  ): Promise<CommandOutcome> {
    return this.get(Commands).dispatch(type, data, { caller: 'test', ...request });
  }

  query<Result>(query: IQuery): Promise<Result> {
    return this.get(QueryBus).execute(query);
  }

  /** Reads a projection at or past `position`. */
  read<Doc extends object, Derived extends object, T>(
    // As in ReadModels: any event type will do.
    // eslint-disable-next-line @typescript-eslint/no-explicit-any
    projection: Projection<Doc, any, Derived>,
    position: Position | undefined,
    read: (model: ReadModel<Doc, Derived>) => Promise<T>,
  ): Promise<T> {
    return this.product.models.read(projection, position, read);
  }
}
