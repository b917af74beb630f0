/**
 * Certifying erasures. The reaction asks from the instant on at which no process has the keys any more; what is looked at
 * here is the read store. A build that begins to fill after that is no danger: it never sees what the keys opened, and
 * it folds the erasure too.
 */
import { Inject, Injectable } from '@nestjs/common';
import { CommandProcessor, CustomerGroups, type CommandContext } from '@timeline/deciding';
import { KeyedHashes } from '@timeline/key-store';
import { deriveId } from '@timeline/kernel';
import { ReadModels } from '@timeline/projecting';
import { ReadStore } from '@timeline/read-store';
import { customerDecider, customerStream } from './customer.decider.js';
import { CustomersSettings } from './customers-settings.js';
import type { ErasureCertificate } from './customers.events.js';
import { KEYS_GONE_AFTER_MS, type CarriedOut } from './projections/erasure.projection.js';

@Injectable()
export class ErasureCertificates {
  constructor(
    private readonly processor: CommandProcessor,
    private readonly hashes: KeyedHashes,
    private readonly settings: CustomersSettings,
    @Inject(ReadModels) private readonly models: Pick<ReadModels, 'buildsAgainst'>,
    @Inject(ReadStore) private readonly reads: Pick<ReadStore, 'scrub'>,
    private readonly groups: CustomerGroups,
  ) {}

  /**
   * `later`: a build is behind the erasure, the files of the read store are not overwritten yet, or somebody whom the
   * erasure took too, and who is the same person, is not certified.
   */
  async certify(erasure: CarriedOut): Promise<void | 'later'> {
    const { subject, position, erasedAt, carriedOutAt, claimsReleased, erasedWith } = erasure;
    const members = erasedWith === undefined ? await this.groups.erasedWith(subject, position) : [];
    for (const member of members) {
      const { state } = await this.processor.load(customerDecider, customerStream(member));
      if (!state.erasureCertified) return 'later';
    }
    const builds: ErasureCertificate['builds'] = [];
    for (const { projection, build, position: at, isPast } of await this.models.buildsAgainst(position)) {
      if (at === undefined || !isPast) return 'later';
      builds.push({ projection, build, position: at });
    }
    // Each feed has scrubbed what it emptied, as well as it could; this is for what others kept it from, and for
    // builds dropped since.
    const readStoreFiles = await this.reads.scrub();
    if (readStoreFiles === 'put-off') return 'later';
    const { backupRetentionDays } = this.settings;
    await this.processor.execute({
      decider: customerDecider,
      stream: customerStream(subject),
      id: subject,
      command: {
        type: 'certify-erasure',
        customerId: subject,
        found: {
          position,
          erasedAt,
          carriedOutAt,
          claimsReleased,
          ...(members.length > 0 && { members }),
          builds,
          readStoreFiles,
          waitedForKeysMs: KEYS_GONE_AFTER_MS,
        },
        ...(backupRetentionDays !== undefined && { backupRetentionDays }),
      },
      context: this.#context(subject),
    });
  }

  #context(customerId: string): CommandContext {
    const commandId = deriveId('erasure-certificate', customerId);
    const bodyHash = this.hashes.hashBody(commandId);
    return { commandId, bodyHash, actor: 'erasure', correlationId: commandId, causationId: commandId };
  }
}
