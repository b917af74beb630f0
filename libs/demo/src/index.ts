export { DEMO_END, GENERATED, generatedCommands } from './generated-layer.js';
export * from './import.js';
export { readSuperstore, salesOf, SUPERSTORE, superstoreCommands, superstoreFile } from './superstore.js';
