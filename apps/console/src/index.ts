/** The web page, for the server that serves it. */
export { CONSOLE_CONFIG, ConsoleController, type ConsoleConfig } from './console.controller.js';
