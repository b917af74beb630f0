/** The README's tour, run as a newcomer would: its snippets in one shell, in order, and what they are said to print. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { RunningProduct } from '../support/running-product.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
const tour = readme.slice(readme.indexOf('## A five-minute tour'), readme.indexOf('## The command line'));

interface Snippet {
  script: string;
  /** What it prints, where the README says. */
  prints?: string;
}

const snippets = [...tour.matchAll(/```(sh|text)\n([\s\S]*?)```/g)].reduce<Snippet[]>((found, [, kind, text = '']) => {
  const last = found.at(-1);
  if (kind === 'sh') found.push({ script: text });
  else if (last) last.prints = text.trim();
  return found;
}, []);

describe('the tour in the README', () => {
  let product: RunningProduct;
  beforeAll(async () => {
    product = await RunningProduct.create();
    await product.start();
    await product.until(() => product.log.includes('the demo is imported'), 'the demo is imported', 240_000);
  }, 300_000);
  afterAll(() => product.dispose());

  it('prints what it says', async () => {
    expect(snippets.filter(({ prints }) => prints !== undefined).length).toBeGreaterThan(3);
    const cli = `node ${JSON.stringify(path.join(root, 'dist/apps/cli/src/main.js'))}`;
    const script = snippets
      .map(({ script }, index) => `${script}\necho; echo "--- end of snippet ${index}"`)
      .join('\n')
      .replaceAll('localhost:3000', `127.0.0.1:${product.port}`)
      .replaceAll('npm run --silent timeline --', cli);
    const { code, out, err } = await bash(script, product.folder);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const parts = out.split(/--- end of snippet \d+\n/);
    snippets.forEach(({ prints }, index) => {
      if (prints !== undefined) expect(parts[index]?.trim()).toBe(prints);
      expect(parts[index]).not.toContain('"status":4');
    });
  }, 120_000);
});

async function bash(script: string, cwd: string): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn('bash', ['-euo', 'pipefail', '-c', script], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, out, err };
}
