/**
 * What servers are made of, fetched once into a cache folder: `TIMELINE_SERVERS_CACHE`, else one under the system's temporary
 * folder. Nothing of it needs to be there beforehand, nor stays in the project.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

const TRIES = 3;

/**
 * The folder of that name in the cache. `install` is given a folder aside, which is then renamed, so that a broken download
 * or a second run at the same time does no harm. A registry may fail for a moment, so it is tried three times.
 * @param {string} name with its version
 * @param {(folder: string) => Promise<unknown>} install
 * @param {string} needs what must be there, for the message
 */
export async function installed(name, install, needs) {
  const cache = process.env.TIMELINE_SERVERS_CACHE || join(tmpdir(), 'timeline-servers');
  const folder = join(cache, name);
  for (let tries = 1; !existsSync(folder); tries += 1) {
    await mkdir(cache, { recursive: true });
    const aside = await mkdtemp(join(cache, 'fetching-'));
    try {
      await install(aside);
      await rename(aside, folder);
    } catch (error) {
      await rm(aside, { recursive: true, force: true });
      if (existsSync(folder)) break;
      if (tries === TRIES) throw new Error(`${name} cannot be installed; it needs ${needs}`, { cause: error });
      console.log(`${name} was not installed at try ${tries}: ${error.message.trim().split('\n').at(-1)}`);
      await setTimeout(tries * 5_000);
    }
  }
  return folder;
}
