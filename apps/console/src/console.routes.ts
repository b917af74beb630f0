/**
 * Serves the web page: `GET /` and `/console/*`. Every file has a route of its own and is read once, at start, so no
 * address can reach anything else on the disk. Not a part of the API, so not in `/openapi.json`.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isNotModified } from '@timeline/http';
import { FaultError } from '@timeline/kernel';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** What the page is told about this server, at `/console/config.json`. */
export interface ConsoleConfig {
  /** The demo's data is in the log, so the page says what of it is real. */
  demo: boolean;
  /** ISO 8601 UTC: the instant that segments and satisfaction open at. Default: now. */
  asOf?: string;
  /** `YYYY-MM-DD`: first and last day that satisfaction opens with. Default: two years up to `asOf`. */
  from?: string;
  to?: string;
  /** What to say about the demo's data in place of the page's own words. */
  generatedNote?: string;
  /** IANA name of the zone that days and times are told in: the reporting time zone. Default UTC. */
  timeZone?: string;
}

/** For `HttpOptions.openPaths`: the page itself needs no key, it asks its user for the one that it sends to the API. */
export const CONSOLE_OPEN_PATHS: readonly string[] = ['/', '/console/'];

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml; charset=utf-8',
};

interface Asset {
  content: Buffer;
  contentType: string;
  etag: string;
}

/**
 * Call it before the server listens; `config` is asked with each request.
 * @throws FaultError CONSOLE_FILES_MISSING when this installation lacks the page's files
 */
export function serveConsole(fastify: FastifyInstance, config: () => ConsoleConfig): void {
  const folder = publicFolder();
  const serve = (path: string, file: string): void => {
    const asset = readAsset(file);
    fastify.get(path, (request, reply) => send(request, reply, asset));
  };
  serve('/', join(folder, 'index.html'));
  for (const name of readdirSync(folder)) {
    if (extname(name) in CONTENT_TYPES) serve(`/console/${name}`, join(folder, name));
  }
  // Beside what the package gives to `require`; the build for browsers is not among its exports.
  const library = dirname(createRequire(import.meta.url).resolve('chart.js'));
  serve('/console/vendor/chart.js', join(library, 'chart.umd.min.js'));
  fastify.get('/console/config.json', (_request, reply) =>
    reply.type('application/json; charset=utf-8').send(JSON.stringify(config())),
  );
}

/** Kept by browsers but asked for each time, so that a new version is seen at once; mostly the answer is 304. */
function send(request: FastifyRequest, reply: FastifyReply, { content, contentType, etag }: Asset): FastifyReply {
  void reply.header('etag', etag).header('cache-control', 'no-cache');
  return isNotModified(request, etag) ? reply.status(304).send() : reply.type(contentType).send(content);
}

function readAsset(file: string): Asset {
  const content = readFileSync(file);
  const hash = createHash('sha256').update(content).digest('base64url').slice(0, 27);
  return { content, contentType: CONTENT_TYPES[extname(file)] ?? 'application/octet-stream', etag: `"${hash}"` };
}

/** In the nearest folder above this file with a `package.json`, whether this file was built into `dist` or not. */
function publicFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  const found = join(folder, 'apps', 'console', 'public');
  if (existsSync(join(found, 'index.html'))) return found;
  throw new FaultError('CONSOLE_FILES_MISSING', 'apps/console/public must be beside package.json; copy it there too');
}
