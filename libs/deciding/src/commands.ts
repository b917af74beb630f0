/** The way in for every command: gives it its identity and context and puts it on Nest's command bus. */
import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { KeyedHashes } from '@timeline/key-store';
import { commandIdOf, defined, inSpan, measure, newId, timed } from '@timeline/kernel';
import { canonicalBodyOf } from './canonical-text.js';
import type { AnyCommandType, CommandContext, CommandOutcome, CommandType } from './command.js';

/** Who asks, and how the request wants to be recognised. */
export interface CommandRequest {
  /** API key name, import source, or `local`. With the key it makes the command's identity. */
  caller: string;
  /** Default: the caller. */
  actor?: string;
  source?: string;
  /** Absent: a command of its own, never taken for a resent one. */
  idempotencyKey?: string;
  ifMatch?: number;
  correlationId?: string;
  causationId?: string;
  settled?: CommandContext['settled'];
}

@Injectable()
export class Commands {
  constructor(
    private readonly bus: CommandBus,
    private readonly hashes: KeyedHashes,
  ) {}

  /** `data` must have been validated. Errors are those of the command's handler. */
  dispatch<Data extends object>(type: CommandType<Data>, data: Data, request: CommandRequest): Promise<CommandOutcome> {
    const { caller, idempotencyKey } = request;
    const commandId =
      idempotencyKey === undefined
        ? newId()
        : commandIdOf({ caller, type: type.name, target: type.target(data), key: idempotencyKey });
    const context: CommandContext = defined({
      commandId,
      bodyHash: this.hashes.hashBody(canonicalBodyOf(type.name, data)),
      actor: request.actor ?? caller,
      source: request.source,
      correlationId: request.correlationId ?? commandId,
      causationId: request.causationId ?? commandId,
      ifMatch: request.ifMatch,
      settled: request.settled,
    });
    return inSpan(`command ${type.name}`, { 'timeline.command': type.name }, () =>
      timed(
        (): Promise<CommandOutcome> => this.bus.execute(new type.command(data, context)),
        (outcome, seconds) => measure('command', { command: type.name, outcome, seconds }),
        ({ resent }) => (resent ? 'resent' : 'done'),
      ),
    );
  }
}

/** All command types of the product by name, for NDJSON and imports; each slice's module registers its own. */
@Injectable()
export class CommandCatalogue {
  readonly #types = new Map<string, AnyCommandType>();

  register(...types: readonly AnyCommandType[]): void {
    for (const type of types) this.#types.set(type.name, type);
  }

  find(name: string): AnyCommandType | undefined {
    return this.#types.get(name);
  }

  names(): string[] {
    return [...this.#types.keys()].sort();
  }
}
