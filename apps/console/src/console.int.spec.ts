/** The page, asked for over HTTP as a browser does, behind the edge of the real server. */
import { readdirSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHash } from 'node:crypto';
import { Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpApp, type HttpOptions } from '@timeline/http';
import { CONSOLE_OPEN_PATHS, serveConsole, type ConsoleConfig } from './console.routes.js';

const CONFIG: ConsoleConfig = { demo: true, asOf: '2018-01-01T00:00:00.000Z', from: '2014-01-01', to: '2017-12-31' };
const PUBLIC = new URL('../public/', import.meta.url);

@Module({})
class NoApiModule {}

const apps: NestFastifyApplication[] = [];

async function serving(options: HttpOptions = {}): Promise<string> {
  const app = await createHttpApp(NoApiModule, { openApi: { title: 'test', version: '0' }, ...options });
  apps.push(app);
  serveConsole(app.getHttpAdapter().getInstance(), () => CONFIG);
  await app.listen(0, '127.0.0.1');
  // Listening on TCP.
  return `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
}

afterAll(() => Promise.all(apps.map((app) => app.close())));

/** As it is written: `fetch` would tidy `..` away before it asks. */
const statusOfRaw = (base: string, path: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(base);
    httpRequest({ hostname, port, path, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });

describe('the console', () => {
  let base: string;
  beforeAll(async () => {
    base = await serving();
  });
  const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${base}${path}`, { headers, redirect: 'manual' });

  it('serves the page at / as HTML that may run its own scripts only', async () => {
    const response = await get('/');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'self'");
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await response.text()).toContain('<script type="module" src="/console/main.js">');
  });

  it('has no script, style or handler inside the page, which the policy would refuse', async () => {
    const html = await (await get('/')).text();
    expect(html).not.toMatch(/<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)/i);
  });

  it('serves every file of the page with its content type', async () => {
    const types: Record<string, string> = {
      css: 'text/css; charset=utf-8',
      html: 'text/html; charset=utf-8',
      js: 'text/javascript; charset=utf-8',
      svg: 'image/svg+xml; charset=utf-8',
    };
    const names = readdirSync(PUBLIC);
    expect(names).toEqual(expect.arrayContaining(['index.html', 'console.css', 'main.js', 'icons.svg']));
    for (const name of names) {
      const response = await get(`/console/${name}`);
      expect([name, response.status, response.headers.get('content-type')]).toEqual([
        name,
        200,
        types[name.split('.').pop() ?? ''],
      ]);
    }
  });

  it('finds whatever its modules, its styles and its page ask for', async () => {
    const asked = new Set<string>();
    for (const name of readdirSync(PUBLIC)) {
      const text = await (await get(`/console/${name}`)).text();
      for (const [, path] of text.matchAll(/(?:src|href)[=:] ?["'](\/console\/[^"'#]+)/g)) asked.add(path ?? '');
      for (const [, path] of text.matchAll(/from '\.\/([^']+)'/g)) asked.add(`/console/${path}`);
    }
    expect(asked).toContain('/console/vendor/chart.js');
    for (const path of asked) expect([path, (await get(path)).status]).toEqual([path, 200]);
  });

  it('serves the chart library from its package', async () => {
    const response = await get('/console/vendor/chart.js');
    expect(response.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(await response.text()).toContain('Chart.js v');
  });

  it('tells the page its configuration', async () => {
    const response = await get('/console/config.json');
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(await response.json()).toEqual(CONFIG);
  });

  it('answers 304 to who has the file already, and lets nobody reuse it unasked', async () => {
    const first = await get('/console/main.js');
    const etag = first.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[\w-]{27}"$/);
    expect(first.headers.get('cache-control')).toBe('no-cache');
    const again = await get('/console/main.js', { 'if-none-match': etag });
    expect([again.status, await again.text()]).toEqual([304, '']);
    expect((await get('/console/main.js', { 'if-none-match': '"another"' })).status).toBe(200);
  });

  it('reaches nothing beside its own files', async () => {
    for (const path of [
      '/console/../package.json',
      '/console/../src/console.routes.ts',
      '/console/..%2f..%2f..%2fpackage.json',
      '/console/%2e%2e/package.json',
      '/console/..%5c..%5cpackage.json',
      '/console//etc/passwd',
      '/console/%00',
      '/console/vendor/../../../package.json',
      '/console/vendor/other.js',
      '/console/package.json',
      '/console/constructor',
      '/console/',
    ]) {
      expect([path, await statusOfRaw(base, path)]).toEqual([path, 404]);
    }
  });

  it('says in problem+json that there is no such file', async () => {
    const response = await get('/console/nothing.js');
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
  });

  it('is no part of the API’s description', async () => {
    const { paths } = (await (await get('/openapi.json')).json()) as { paths: object };
    expect(Object.keys(paths)).toEqual([]);
  });
});

describe('the console of a server with API keys', () => {
  it('is served without one, and nothing else is', async () => {
    const hash = createHash('sha256').update('secret').digest('hex');
    const base = await serving({ apiKeys: `tester:${hash}`, openPaths: CONSOLE_OPEN_PATHS });
    expect((await fetch(`${base}/`)).status).toBe(200);
    expect((await fetch(`${base}/console/main.js`)).status).toBe(200);
    expect((await fetch(`${base}/console/config.json`)).status).toBe(200);
    expect((await fetch(`${base}/openapi.json`)).status).toBe(401);
    expect((await fetch(`${base}/v1/customers`)).status).toBe(401);
  });
});
