/**
 * The master key wraps every other key. It lives in a file of its own, apart from the key store and its backups;
 * losing it loses all personal data for good, so it is made only where there is nothing yet that it could open.
 */
import { createHash, createSecretKey, randomBytes, randomUUID } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { FaultError, errorCode } from '@timeline/kernel';
import { KEY_BYTES } from './aes-gcm.js';

export interface MasterKey {
  readonly key: KeyObject;
  /** SHA-256 of the key, first 16 hex digits: tells keys apart without giving anything away. */
  readonly fingerprint: string;
}

/**
 * Reads the master key (base64 of 32 bytes). With `mayCreate` a missing one is made, owner-readable only; of
 * several processes that do so at once, all get the same. `mayCreate` must only be true while the key store and
 * the log are both empty.
 * @throws FaultError MASTER_KEY_MISSING, MASTER_KEY_EXPOSED, MASTER_KEY_MALFORMED
 */
export function loadMasterKey(file: string, options: { mayCreate: boolean }): MasterKey {
  const present = readMasterKey(file);
  if (present) return present;
  if (!options.mayCreate) {
    throw new FaultError(
      'MASTER_KEY_MISSING',
      `there is no master key at ${file}. One is made only while the key store and the event log are both empty, ` +
        'since a new one could not open what they hold: restore the file from its backup, or correct MASTER_KEY_FILE',
    );
  }
  createMasterKey(file);
  const made = readMasterKey(file);
  if (!made)
    throw new FaultError('MASTER_KEY_MISSING', `the master key at ${file} disappeared while it was being made`);
  return made;
}

function readMasterKey(file: string): MasterKey | undefined {
  let text: string;
  try {
    const descriptor = fs.openSync(file, 'r');
    try {
      const mode = fs.fstatSync(descriptor).mode & 0o777;
      if ((mode & 0o077) !== 0) {
        throw new FaultError(
          'MASTER_KEY_EXPOSED',
          `the master key at ${file} has mode ${mode.toString(8)}: others than its owner can get at it. Run chmod 600 on it`,
        );
      }
      text = fs.readFileSync(descriptor, 'utf8').trim();
    } finally {
      fs.closeSync(descriptor);
    }
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  const key = Buffer.from(text, 'base64');
  // Node's decoder skips what is not base64, so the way back must give the same text.
  if (key.length !== KEY_BYTES || key.toString('base64') !== text) {
    throw new FaultError(
      'MASTER_KEY_MALFORMED',
      `the master key at ${file} is not ${KEY_BYTES} bytes in base64 (44 characters); restore the file from its backup`,
    );
  }
  return { key: createSecretKey(key), fingerprint: createHash('sha256').update(key).digest('hex').slice(0, 16) };
}

/**
 * Written and flushed beside its place, then linked to it: a crash leaves a whole key or none, and linking, unlike
 * renaming, never replaces the key of a process that was quicker.
 */
function createMasterKey(file: string): void {
  const folder = dirname(file);
  fs.mkdirSync(folder, { recursive: true });
  const draft = `${file}.${randomUUID()}.tmp`;
  try {
    const descriptor = fs.openSync(draft, 'wx', 0o600);
    try {
      fs.writeFileSync(descriptor, `${randomBytes(KEY_BYTES).toString('base64')}\n`);
      fs.fsyncSync(descriptor);
    } finally {
      fs.closeSync(descriptor);
    }
    try {
      fs.linkSync(draft, file);
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
  } finally {
    fs.rmSync(draft, { force: true });
  }
  // Also by those who came second: the key they are about to use must not vanish with a power cut.
  const directory = fs.openSync(folder, 'r');
  try {
    fs.fsyncSync(directory);
  } finally {
    fs.closeSync(directory);
  }
}
