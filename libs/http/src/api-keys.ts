/**
 * Who may ask. With keys configured, every request names one (`Authorization: Bearer …`); only their hashes are
 * kept. Without keys the server listens on loopback alone, and the browser of whoever sits at the machine is kept
 * from being used by other sites.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { DomainError, FaultError } from '@timeline/kernel';
import type { FastifyRequest } from 'fastify';

export interface ApiKey {
  /** Who it is: the caller of its commands. Several keys of one name are one caller, as while a key is replaced. */
  name: string;
  /** SHA-256 of the key. */
  hash: Buffer;
}

/** The caller where no keys are configured. */
export const LOCAL_CALLER = 'local';

/**
 * Reads `name:sha256hex`, separated by commas or line breaks; empty text means no keys, `#` starts a comment line.
 * @throws FaultError CONFIG_INVALID
 */
export function parseApiKeys(text: string): ApiKey[] {
  return text
    .split(/[,\n]/)
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '' && !entry.startsWith('#'))
    .map((entry, index) => {
      const match = /^([A-Za-z0-9._-]{1,64}):([0-9a-fA-F]{64})$/.exec(entry);
      const [, name, hash] = match ?? [];
      if (!name || !hash || name === LOCAL_CALLER) {
        throw new FaultError(
          'CONFIG_INVALID',
          `API key number ${index + 1} must be written name:sha256hex, with the SHA-256 of the key and a name other than "${LOCAL_CALLER}"`,
        );
      }
      return { name, hash: Buffer.from(hash, 'hex') };
    });
}

const isLoopbackAddress = (host: string): boolean =>
  host === '::1' || (isIP(host) === 4 && host.startsWith('127.')) || /^::ffff:127\.\d+\.\d+\.\d+$/i.test(host);

/** Whether what listens on this host can be reached from this machine only. */
export const isLoopback = (host: string): boolean => host.toLowerCase() === 'localhost' || isLoopbackAddress(host);

/** @throws FaultError CONFIG_INVALID when anybody on the network could ask without a key */
export function assertGuarded(host: string, keys: readonly ApiKey[]): void {
  if (keys.length > 0 || isLoopback(host)) return;
  throw new FaultError(
    'CONFIG_INVALID',
    `HOST is ${host}, which others can reach, and there are no API_KEYS: set API_KEYS=name:sha256hex, or HOST=127.0.0.1`,
  );
}

/** The name of the key that the request carries. @throws DomainError UNAUTHENTICATED */
export function callerByKey(request: Pick<FastifyRequest, 'headers'>, keys: readonly ApiKey[]): string {
  const [, token] = /^Bearer +([\x21-\x7e]{1,500})$/i.exec(request.headers.authorization ?? '') ?? [];
  const hash = createHash('sha256')
    .update(token ?? '')
    .digest();
  let caller: string | undefined;
  // All keys are compared, so that the time taken says nothing about which one nearly fitted.
  for (const key of keys) if (timingSafeEqual(key.hash, hash)) caller ??= key.name;
  if (token !== undefined && caller !== undefined) return caller;
  throw new DomainError('UNAUTHENTICATED', 'send a valid API key as "Authorization: Bearer <key>"');
}

const hostnameOf = (host: string): string => {
  try {
    return new URL(`http://${host}`).hostname.replace(/^\[|\]$/g, '');
  } catch {
    return '';
  }
};

const READING_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Keeps other sites out of a server that asks nobody for a key: a name that was pointed at this machine (DNS rebinding)
 * shows in `Host`, a form or script of another site in `Origin` and `Sec-Fetch-Site`.
 * @throws DomainError HOST_NOT_ALLOWED, CROSS_SITE_REQUEST
 */
export function refuseOtherSites(request: Pick<FastifyRequest, 'headers' | 'method'>): void {
  const { host = '', origin } = request.headers;
  if (!isLoopback(hostnameOf(host))) {
    throw new DomainError('HOST_NOT_ALLOWED', 'without API_KEYS this server answers to localhost and 127.0.0.1 only');
  }
  if (READING_METHODS.has(request.method)) return;
  const site = request.headers['sec-fetch-site'];
  const isOwnOrigin = origin === undefined || origin === `http://${host}`;
  const isOwnSite = site === undefined || site === 'same-origin' || site === 'none';
  if (!isOwnOrigin || !isOwnSite) {
    throw new DomainError('CROSS_SITE_REQUEST', 'a page of another site must not write here; use an API key for that');
  }
}
