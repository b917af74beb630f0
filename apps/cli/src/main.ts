#!/usr/bin/env node
/** `timeline`: the command line for analysts and operators. Works beside a running product on the same stores. */
import 'reflect-metadata';
import { Command } from 'commander';
import { DomainError, FaultError, UnavailableError } from '@timeline/kernel';
import { addCompare } from './compare.command.js';
import { addImport } from './import.command.js';
import { Output } from './output.js';
import { addParked } from './parked.command.js';
import { addProvenance } from './provenance.command.js';
import { addRebuild } from './rebuild.command.js';
import { addRelay } from './relay.command.js';
import { addReplay } from './replay.command.js';
import { addStatus } from './status.command.js';
import { addVerify } from './verify.command.js';

const program = new Command('timeline')
  .description(
    'Status, rebuild, replay, parked events, relay, import, provenance and verification of a customer timeline',
  )
  .option('--json', 'machine-readable output, one JSON document')
  .showHelpAfterError();

const output = (): Output => new Output(program.opts<{ json?: boolean }>().json ?? false);
for (const add of [
  addStatus,
  addRebuild,
  addCompare,
  addReplay,
  addParked,
  addRelay,
  addImport,
  addProvenance,
  addVerify,
])
  add(program, output);

try {
  await program.parseAsync();
} catch (error) {
  // What a person can mend is said in words, without a stack.
  const isOurs = error instanceof DomainError || error instanceof FaultError || error instanceof UnavailableError;
  if (isOurs) output().fail(error.code, error.message, error instanceof DomainError ? error.details : {});
  else console.error(error);
  process.exitCode = 1;
}
