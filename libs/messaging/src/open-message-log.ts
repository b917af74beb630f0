/** Picks the adapter by the URL's scheme. Without a broker there is no relay, so there is one scheme only. */
import { KafkaMessageLog } from './kafka/kafka-message-log.js';
import type { MessageLog } from './message-log.port.js';

/**
 * `kafka://host:port[,host:port]`; see `kafka/broker-url.ts`. The broker need not be up yet.
 * @throws FaultError CONFIG_INVALID
 */
export function openMessageLog(url: string): MessageLog {
  return new KafkaMessageLog({ url });
}
