/**
 * Serves the web page: `GET /` and `/console/*`. Its files are read once, at start, and looked up by name, so that no
 * address can reach anything else on the disk. Not a part of the API, so not in `/openapi.json`.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Controller, Get, Inject, NotFoundException, Param, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { isNotModified } from '@timeline/http';
import { FaultError } from '@timeline/kernel';
import type { FastifyReply, FastifyRequest } from 'fastify';

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

/** Nest token of the `ConsoleConfig`. */
export const CONSOLE_CONFIG = Symbol('CONSOLE_CONFIG');

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

@ApiExcludeController()
@Controller()
export class ConsoleController {
  readonly #files: ReadonlyMap<string, Asset>;
  readonly #chartLibrary: Asset;

  /** @throws FaultError CONSOLE_FILES_MISSING when this installation lacks the page's files */
  constructor(@Inject(CONSOLE_CONFIG) private readonly config: ConsoleConfig) {
    const folder = publicFolder();
    const names = readdirSync(folder).filter((name) => extname(name) in CONTENT_TYPES);
    this.#files = new Map(names.map((name) => [name, readAsset(join(folder, name))]));
    // Beside what the package gives to `require`; the build for browsers is not among its exports.
    const library = dirname(createRequire(import.meta.url).resolve('chart.js'));
    this.#chartLibrary = readAsset(join(library, 'chart.umd.min.js'));
  }

  @Get()
  page(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    send(request, reply, this.#files.get('index.html'));
  }

  @Get('console/config.json')
  configuration(@Res() reply: FastifyReply): void {
    void reply.type('application/json; charset=utf-8').send(JSON.stringify(this.config));
  }

  @Get('console/vendor/chart.js')
  chartLibrary(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    send(request, reply, this.#chartLibrary);
  }

  @Get('console/:name')
  file(@Param('name') name: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    send(request, reply, this.#files.get(name));
  }
}

/** Kept by browsers but asked for each time, so that a new version is seen at once; mostly the answer is 304. */
function send(request: FastifyRequest, reply: FastifyReply, asset: Asset | undefined): void {
  if (!asset) throw new NotFoundException();
  void reply.header('etag', asset.etag).header('cache-control', 'no-cache');
  if (isNotModified(request, asset.etag)) void reply.status(304).send();
  else void reply.type(asset.contentType).send(asset.content);
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
