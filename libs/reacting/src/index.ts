export * from './reaction.js';
export * from './reaction-pump.js';
