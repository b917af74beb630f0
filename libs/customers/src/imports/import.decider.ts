/** The story of one import: started, completed, reverted. How far it has come between is a checkpoint, not a fact. */
import { DomainError, type Decider } from '@timeline/kernel';
import type { ImportCounts, ImportEvent, RevertCounts } from '../imports.events.js';

export const importStream = (importId: string): string => `import-${importId}`;

export interface ImportState {
  /** Runs that came to their end. The next one's commands are others: a source may go back to what it said before. */
  readonly runs: number;
  readonly status: 'unknown' | 'running' | 'completed' | 'reverted';
  readonly source?: string;
  readonly name?: string;
  readonly counts?: ImportCounts;
}

export type ImportCommand = { importId: string } & (
  | { type: 'start'; source: string; name: string }
  | { type: 'complete'; counts: ImportCounts }
  | { type: 'revert'; counts: RevertCounts }
);

export const importDecider: Decider<ImportState, ImportCommand, ImportEvent> = {
  initialState: { runs: 0, status: 'unknown' },

  evolve(state, event) {
    switch (event.type) {
      case 'CustomerImportStarted': {
        const { source, name } = event.data;
        return { ...state, status: 'running', source, name };
      }
      case 'CustomerImportCompleted':
        return { ...state, runs: state.runs + 1, status: 'completed', counts: event.data.counts };
      case 'CustomerImportReverted':
        return { ...state, runs: state.runs + 1, status: 'reverted' };
      default:
        return event satisfies never;
    }
  },

  decide(command, state) {
    const { importId } = command;
    switch (command.type) {
      case 'start':
        if (state.status === 'running' || state.status === 'completed') return [];
        return [{ type: 'CustomerImportStarted', data: { importId, source: command.source, name: command.name } }];
      case 'complete': {
        if (state.status === 'unknown') throw new DomainError('IMPORT_NOT_FOUND', 'there is no such import');
        const { counts } = command;
        // Another run that found everything done already is no news.
        if (state.status === 'completed' && counts.registered + counts.updated === 0) return [];
        return [{ type: 'CustomerImportCompleted', data: { importId, counts } }];
      }
      case 'revert': {
        if (state.status === 'unknown') throw new DomainError('IMPORT_NOT_FOUND', 'there is no such import');
        if (state.status === 'reverted') return [];
        return [{ type: 'CustomerImportReverted', data: { importId, counts: command.counts } }];
      }
      default:
        return command satisfies never;
    }
  },

  customerOf: () => undefined,
};
