/**
 * A kafkajs client whose connections can be cut. kafkajs itself leaves some behind: a send that is being retried
 * reconnects a producer that was disconnected meanwhile, and a metadata refresh that overlaps another forgets brokers
 * it had connected. Such a connection keeps the process from ending. So each producer, reader and admin has a client of
 * its own, and when it is done with, whatever is still connected is cut.
 */
import { delay } from '@timeline/kernel';
import type { Socket } from 'node:net';
import { connect as connectPlain, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import kafkajs from 'kafkajs';
import type { ISocketFactory, Kafka, KafkaConfig } from 'kafkajs';
import { withWholeAnswers } from './whole-answers.js';

/** How long an orderly end may take before connections are cut. */
const GOODBYE_MS = 1_000;

export class KafkaClient {
  readonly kafka: Kafka;
  readonly #sockets = new Set<Socket>();
  #isCut = false;

  constructor(config: KafkaConfig) {
    this.kafka = new kafkajs.Kafka({ ...config, socketFactory: this.#connect });
  }

  /** Waits a moment for `goodbye` (a `disconnect()`), then cuts what is left. Never throws. */
  async end(goodbye: Promise<unknown>): Promise<void> {
    const waited = new AbortController();
    await Promise.race([goodbye.catch(() => undefined), delay(GOODBYE_MS, waited.signal)]);
    waited.abort();
    this.cut();
  }

  /** Ends every connection at once; whatever waits on one fails, and no new one is made. */
  cut(): void {
    this.#isCut = true;
    // With an error, because kafkajs does not notice a socket that merely closes.
    for (const socket of this.#sockets) socket.destroy(new Error('cut'));
  }

  // As kafkajs connects by itself, but for remembering the socket and handing on whole answers.
  readonly #connect: ISocketFactory = ({ host, port, ssl, onConnect }) => {
    if (this.#isCut) throw new Error('this client has ended');
    const socket = ssl
      ? connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...ssl }, onConnect)
      : connectPlain({ host, port }, onConnect);
    socket.setKeepAlive(true, 60_000);
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    return withWholeAnswers(socket);
  };
}
