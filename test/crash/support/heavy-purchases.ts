/** Events that weigh something, so that whoever keeps them shows in the memory of the product. */
import { readFile } from 'node:fs/promises';
import { sideBySide } from '../../e2e/api.js';

const LINES_PER_PURCHASE = 100;

export const post = (json: object): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(json),
});

/** Resident memory in MB. */
export async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_024);
}

/** Purchases of about 26 kB each for one customer, four at a time, no two with the same lines. */
export class HeavyPurchases {
  #number = 0;

  private constructor(
    readonly customerId: string,
    private readonly product: { url: string; pid: number },
  ) {}

  static async of(product: { url: string; pid: number }): Promise<HeavyPurchases> {
    const response = await fetch(
      `${product.url}/v1/customers`,
      post({ kind: 'person', name: { full: 'Ann Example' } }),
    );
    const { id } = (await response.json()) as { id: string };
    return new HeavyPurchases(id, product);
  }

  /** Sends so many, counting in `produced`; answers the most memory that the product took in the second half of them. */
  async send(howMany: number, produced = { count: 0 }): Promise<number> {
    let maxMb = 0;
    let sent = 0;
    const lane = async (): Promise<void> => {
      while (sent < howMany) {
        sent += 1;
        const response = await fetch(`${this.product.url}/v1/purchases`, post(this.#next()));
        if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
        await response.arrayBuffer();
        produced.count += 1;
        if (produced.count > howMany / 2) maxMb = Math.max(maxMb, await residentMb(this.product.pid));
      }
    };
    await sideBySide([1, 2, 3, 4], 4, lane);
    return maxMb;
  }

  #next(): object {
    this.#number += 1;
    const lines = Array.from({ length: LINES_PER_PURCHASE }, (_, line) => ({
      lineId: String(line),
      sku: `S-${this.#number}-${line}`,
      name: 'A thing with a name that is long enough to make an event that weighs something '.repeat(2),
      quantity: '1',
      unitPrice: '1.00',
    }));
    return { customer: { customerId: this.customerId }, channel: 'web', currency: 'USD', lines };
  }
}
