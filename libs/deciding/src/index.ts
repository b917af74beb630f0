export * from './command.js';
export * from './command-processor.js';
export * from './commands.js';
export * from './customer-directory.port.js';
export * from './in-turn.js';
export * from './customer-ref.dto.js';
export * from './intake.js';
export * from './same-delivery.js';
