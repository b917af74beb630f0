/** Feedback cases: intake, classification, assignment, answers, resolution, rating, reopening; the agents' inbox. */
import type { Slice } from '@timeline/composing';
import { Intake } from '@timeline/deciding';
import { assignCase, AssignCaseHandler } from './commands/assign-case.command.js';
import { CaseCommands } from './commands/case-commands.js';
import { classifyCase, ClassifyCaseHandler } from './commands/classify-case.command.js';
import { openCase, OpenCaseHandler } from './commands/open-case.command.js';
import { rateCase, RateCaseHandler } from './commands/rate-case.command.js';
import { reopenCase, ReopenCaseHandler } from './commands/reopen-case.command.js';
import { resolveCase, ResolveCaseHandler } from './commands/resolve-case.command.js';
import { respondToCase, RespondToCaseHandler } from './commands/respond-to-case.command.js';
import { FeedbackCommandController, FeedbackQueryController } from './feedback.controller.js';
import { feedbackPublicEvents } from './feedback.public-events.js';
import { caseInbox } from './projections/case-inbox.projection.js';
import { GetCaseHandler } from './queries/get-case.query.js';
import { ListCasesHandler } from './queries/list-cases.query.js';

export const feedbackSlice = {
  name: 'feedback',
  commandTypes: [openCase, classifyCase, assignCase, respondToCase, resolveCase, rateCase, reopenCase],
  commandProviders: [
    CaseCommands,
    Intake,
    OpenCaseHandler,
    ClassifyCaseHandler,
    AssignCaseHandler,
    RespondToCaseHandler,
    ResolveCaseHandler,
    RateCaseHandler,
    ReopenCaseHandler,
  ],
  commandControllers: [FeedbackCommandController],
  queryProviders: [GetCaseHandler, ListCasesHandler],
  queryControllers: [FeedbackQueryController],
  projections: [caseInbox],
  publicEvents: [feedbackPublicEvents],
} satisfies Slice;
