/**
 * Many commands, one after another or side by side: `POST /v1/commands`, imports and the demo. Each is validated and
 * dispatched like a single one and answered for itself, in order; commands that share a stream, a customer or an
 * identity run in order.
 */
import { Injectable } from '@nestjs/common';
import { CommandCatalogue, Commands, type CommandRequest, type CommandType } from '@timeline/deciding';
import {
  decodeUtf8,
  inOrder,
  JsonDocument,
  parseJsonStrict,
  problemOf,
  Text,
  validateDto,
  ValidationError,
  type Line,
  type Problem,
} from '@timeline/http';
import { DomainError, type JsonValue, type Position } from '@timeline/kernel';

/** One line of NDJSON. `id` is the command's `Idempotency-Key`. */
export class CommandLine {
  @Text({ max: 200 })
  id: string;

  @Text({ max: 60 })
  type: string;

  @JsonDocument()
  data: JsonValue;
}

export type BulkOutcome = { line: number; id?: string } & (
  | { status: 200; outcome: { id: string; revision: number; position: Position; resent: boolean } }
  | { status: number; problem: Problem }
);

type Prepared = { lineNumber: number; id?: string } & ({ type: CommandType; data: object } | { problem: Problem });

@Injectable()
export class BulkCommands {
  constructor(
    private readonly commands: Commands,
    private readonly catalogue: CommandCatalogue,
  ) {}

  /** Runs lines of NDJSON; a bad line is answered with its problem and the others go through. */
  runLines(
    lines: AsyncIterable<Line>,
    request: Omit<CommandRequest, 'idempotencyKey' | 'ifMatch'>,
  ): AsyncGenerator<BulkOutcome> {
    return this.#run(
      map(lines, (line) => this.#read(line)),
      request,
    );
  }

  /** Runs commands that are JSON values already. Lines count from 1. */
  runAll(
    commands: AsyncIterable<CommandLine> | Iterable<CommandLine>,
    request: Omit<CommandRequest, 'idempotencyKey' | 'ifMatch'>,
    window?: number,
  ): AsyncGenerator<BulkOutcome> {
    let lineNumber = 0;
    const prepared = map(commands, (command) => this.#prepare((lineNumber += 1), command));
    return this.#run(prepared, request, window);
  }

  #run(
    lines: AsyncIterable<Prepared>,
    request: Omit<CommandRequest, 'idempotencyKey' | 'ifMatch'>,
    window?: number,
  ): AsyncGenerator<BulkOutcome> {
    return inOrder(lines, {
      ...(window !== undefined && { window }),
      // What was refused before it ran touches nothing.
      keysOf: (line) => ('problem' in line ? [] : line.type.keys(line.data)),
      sharedKeysOf: (line) => ('problem' in line ? [] : (line.type.sharedKeys?.(line.data) ?? [])),
      run: async (line, pass): Promise<BulkOutcome> => {
        const named = { line: line.lineNumber, ...(line.id !== undefined && { id: line.id }) };
        if ('problem' in line) return { ...named, status: line.problem.status, problem: line.problem };
        try {
          const { id, revision, position, resent } = await this.commands.dispatch(line.type, line.data, {
            ...request,
            ...(line.id !== undefined && { idempotencyKey: line.id }),
            settled: pass,
          });
          return { ...named, status: 200, outcome: { id, revision, position, resent } };
        } catch (error) {
          const problem = problemOf(error);
          return { ...named, status: problem.status, problem };
        }
      },
    });
  }

  #read(line: Line): Prepared {
    const { lineNumber } = line;
    if (line.kind === 'oversized') {
      const error = new DomainError(
        'BODY_TOO_LARGE',
        'the line is longer than a command may be; nothing of it was read',
      );
      return { lineNumber, problem: problemOf(error) };
    }
    try {
      return this.#prepare(lineNumber, validateDto(CommandLine, parseJsonStrict(decodeUtf8(line.bytes))));
    } catch (error) {
      return { lineNumber, problem: problemOf(error) };
    }
  }

  #prepare(lineNumber: number, { id, type: name, data }: CommandLine): Prepared {
    try {
      const type = this.catalogue.find(name);
      if (!type) {
        const known = this.catalogue.names().join(', ');
        const message = `there is no command "${name}"; there are: ${known}`;
        throw new ValidationError([{ pointer: '/type', code: 'COMMAND_UNKNOWN', message }]);
      }
      return { lineNumber, id, type, data: validateData(type, data) };
    } catch (error) {
      return { lineNumber, id, problem: problemOf(error) };
    }
  }
}

/** Violations point into the line, not into its `data`. */
function validateData(type: CommandType, data: JsonValue): object {
  try {
    return validateDto(type.data, data);
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    throw new ValidationError(
      error.violations.map((violation) => ({ ...violation, pointer: `/data${violation.pointer}` })),
    );
  }
}

async function* map<A, B>(items: AsyncIterable<A> | Iterable<A>, change: (item: A) => B): AsyncGenerator<B> {
  for await (const item of items) yield change(item);
}
