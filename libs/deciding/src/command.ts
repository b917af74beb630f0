/**
 * What a command is: data of a validated shape, and the context it came in with. Slices declare each command once, as a
 * `CommandType`; HTTP routes, NDJSON lines and imports all go through `Commands.dispatch`.
 */
import type { ICommand } from '@nestjs/cqrs';
import type { Position } from '@timeline/kernel';

export interface CommandContext {
  commandId: string;
  /** Keyed hash of the command's data. */
  bodyHash: string;
  actor: string;
  /** The system it came from, where that is not the caller itself. */
  source?: string;
  correlationId: string;
  causationId: string;
  /** The revision that the stream must have (`If-Match`): no second try, 412 when it has another. */
  ifMatch?: number;
  /** Called once what comes after may go on and still stand behind it in the log: not at all where only its end says so. */
  settled?: () => void;
}

export interface CommandOutcome {
  /** Of the entity that the command is about. */
  id: string;
  /** Of the entity's stream after the command; `ETag` of the answer. */
  revision: number;
  position: Position;
  /**
   * The command had been carried out before: this is the answer of the first time. EventStoreDB does not tell
   * what another process did a moment ago: then both answer as the first.
   */
  resent: boolean;
  /** The stream began with this command: what a `PUT` answers 201 for, also when it is sent again. */
  created?: true;
}

/** A command on Nest's bus. */
export abstract class DomainCommand<Data extends object = object> implements ICommand {
  constructor(
    readonly data: Data,
    readonly context: CommandContext,
  ) {}
}

export interface CommandType<Data extends object = object> {
  /** As NDJSON lines name it, e.g. `RecordInteraction`. */
  name: string;
  /** DTO with class-validator rules. */
  data: new () => Data;
  command: new (data: Data, context: CommandContext) => DomainCommand<Data>;
  /** What an `Idempotency-Key` is scoped to besides caller and type; '' for commands that make something new. */
  target(data: Data): string;
  /** Streams, customers and identities it touches: lines that share one run in order. */
  keys(data: Data): string[];
  /**
   * What it is recorded in order with and neither reads what the others write nor writes what they read: lines that share one
   * of these, and no key, are decided and appended in order, and not waited for in between where the store keeps that order.
   */
  sharedKeys?(data: Data): string[];
}

/** A command type whatever its data, as the catalogue holds it. */
// A type is only ever given data that was validated with its own DTO.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyCommandType = CommandType<any>;
