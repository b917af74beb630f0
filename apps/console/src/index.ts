/** The web page, for the server that serves it. */
export { CONSOLE_OPEN_PATHS, serveConsole, type ConsoleConfig } from './console.routes.js';
