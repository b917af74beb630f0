/** Picks the adapter by the URL's scheme. Without a broker there is no relay, so there is one scheme only, and no client is loaded. */
import type { MessageLog } from './message-log.port.js';

/**
 * `kafka://host:port[,host:port]`; see `kafka/broker-url.ts`. The broker need not be up yet.
 * @throws FaultError CONFIG_INVALID
 */
export async function openMessageLog(url: string): Promise<MessageLog> {
  const { KafkaMessageLog } = await import('./kafka/kafka-message-log.js');
  return new KafkaMessageLog({ url });
}
