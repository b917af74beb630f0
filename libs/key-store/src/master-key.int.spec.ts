import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { FaultError } from '@timeline/kernel';
import { loadMasterKey } from './master-key.js';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'timeline-master-key-'));
  file = join(folder, 'secrets', 'master.key');
});
afterEach(() => rmSync(folder, { recursive: true }));

function faultOf(load: () => unknown): FaultError {
  try {
    load();
  } catch (error) {
    if (error instanceof FaultError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('the master key', () => {
  it('is made once: 32 random bytes in base64, for its owner only, and nothing beside it', () => {
    const made = loadMasterKey(file, { mayCreate: true });
    const bytes = made.key.export();
    expect(bytes).toHaveLength(32);
    expect(readFileSync(file, 'utf8')).toBe(`${bytes.toString('base64')}\n`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(folder, 'secrets'))).toEqual(['master.key']);
    expect(made.fingerprint).toBe(createHash('sha256').update(bytes).digest('hex').slice(0, 16));
    for (const mayCreate of [true, false]) {
      const again = loadMasterKey(file, { mayCreate });
      expect(again.key.equals(made.key)).toBe(true);
      expect(again.fingerprint).toBe(made.fingerprint);
    }
  });

  it('is not made when there may be something that the lost one has wrapped', () => {
    const fault = faultOf(() => loadMasterKey(file, { mayCreate: false }));
    expect(fault.code).toBe('MASTER_KEY_MISSING');
    expect(fault.message).toContain('only while the key store and the event log are both empty');
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each(['640', '604', '660', '644', '610'])('is refused with mode %s, which lets others at it', (mode) => {
    loadMasterKey(file, { mayCreate: true });
    chmodSync(file, Number.parseInt(mode, 8));
    const fault = faultOf(() => loadMasterKey(file, { mayCreate: true }));
    expect(fault.code).toBe('MASTER_KEY_EXPOSED');
    expect(fault.message).toContain('chmod 600');
  });

  it.each([
    ['an empty file', ''],
    ['31 bytes', Buffer.alloc(31, 7).toString('base64')],
    ['33 bytes', Buffer.alloc(33, 7).toString('base64')],
    ['hex', Buffer.alloc(32, 7).toString('hex')],
    ['two keys', `${Buffer.alloc(32, 7).toString('base64')}\n${Buffer.alloc(32, 8).toString('base64')}`],
    ['text that is no base64', `${Buffer.alloc(32, 7).toString('base64').slice(0, -4)}!!!=`],
  ])('is refused when the file holds %s, and the file stays as it is', (_what, text) => {
    const path = join(folder, 'master.key');
    writeFileSync(path, text, { mode: 0o600 });
    const fault = faultOf(() => loadMasterKey(path, { mayCreate: true }));
    expect(fault.code).toBe('MASTER_KEY_MALFORMED');
    expect(fault.message).not.toContain(Buffer.alloc(32, 7).toString('base64').slice(0, 20));
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  it('is the same for all processes that make it at once', async () => {
    const loader = fileURLToPath(new URL('./testing/typescript-loader.mjs', import.meta.url));
    const module = new URL('./master-key.ts', import.meta.url).href;
    const script = join(folder, 'load.mjs');
    // All wait for the same word, then make many keys, since they meet at the same instant only now and then.
    writeFileSync(
      script,
      `import { loadMasterKey } from ${JSON.stringify(module)};
       console.log('ready');
       process.stdin.once('data', () => {
         for (let n = 0; n < 40; n++) console.log(loadMasterKey(${JSON.stringify(file)} + n, { mayCreate: true }).fingerprint);
         process.stdin.destroy();
       });`,
    );
    const children = [1, 2, 3].map(() =>
      spawn(process.execPath, ['--import', loader, script], {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: { ...process.env, NODE_OPTIONS: '' },
      }),
    );
    const outputs = children.map((child) => createInterface({ input: child.stdout })[Symbol.asyncIterator]());
    for (const output of outputs) expect((await output.next()).value).toBe('ready');
    for (const child of children) child.stdin.end('go\n');
    for (let n = 0; n < 40; n++) {
      const answers = await Promise.all(outputs.map(async (output) => (await output.next()).value as unknown));
      const { fingerprint } = loadMasterKey(`${file}${n}`, { mayCreate: false });
      expect(answers).toEqual([fingerprint, fingerprint, fingerprint]);
    }
    expect(readdirSync(join(folder, 'secrets')).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});
