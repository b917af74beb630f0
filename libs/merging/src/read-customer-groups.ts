/** Who is merged with whom, from the read model of groups. */
import { Injectable } from '@nestjs/common';
import { CustomerGroups } from '@timeline/deciding';
import type { Position } from '@timeline/kernel';
import { ReadModels } from '@timeline/projecting';
import { historiesAround, takenWith } from './erasure-reach.js';
import { groupsProjection } from './projections/groups.projection.js';

@Injectable()
export class ReadCustomerGroups extends CustomerGroups {
  constructor(private readonly models: ReadModels) {
    super();
  }

  override membersOfAll(
    customerIds: readonly string[],
    position: string | undefined,
  ): Promise<ReadonlyMap<string, string[]>> {
    return this.models.read(groupsProjection, position, async ({ derived }) => {
      const found = await derived.find({ _id: { $in: [...customerIds] } });
      const groups = new Map(found.map(({ _id, members }) => [_id, members]));
      return new Map(customerIds.map((id) => [id, [id, ...(groups.get(id) ?? []).filter((each) => each !== id)]]));
    });
  }

  override erasedWith(customerId: string, position: Position): Promise<string[]> {
    return this.models.read(groupsProjection, position, async ({ documents }) =>
      takenWith(
        customerId,
        await historiesAround(
          customerId,
          async (ids) => new Map((await documents.find({ _id: { $in: ids } })).map((doc) => [doc._id, doc])),
        ),
      ),
    );
  }
}
