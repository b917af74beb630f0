/**
 * What listens while the product cannot be put together because a store does not answer: the process lives, is not ready,
 * and says what it waits for. Everything else is answered 503, to be sent again.
 */
import { createServer, type ServerResponse } from 'node:http';
import { problemHeaders, problemOf } from '@timeline/http';
import { UnavailableError } from '@timeline/kernel';

export class WaitingRoom {
  /** What is being waited for; which of them is known once one has failed. */
  service = 'event, read or key store';
  readonly #server = createServer((request, response) => {
    const path = request.url?.split('?', 1)[0];
    if (path === '/health/live') return answer(response, 200, { status: 'waiting' });
    const problem = problemOf(new UnavailableError(this.service, 'not there yet'));
    if (path !== '/health/ready')
      return answer(response, problem.status, problem, { ...problemHeaders(problem), connection: 'close' });
    answer(response, 503, { status: 'red', waiting: { code: problem.code, message: problem.detail } });
  });

  #opening: Promise<void> | undefined;

  /** Opens it unless it is open. */
  open(port: number, host: string): Promise<void> {
    this.#opening ??= new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, resolve);
    });
    return this.#opening;
  }

  async close(): Promise<void> {
    const opening = this.#opening;
    this.#opening = undefined;
    const isOpen = await opening?.then(
      () => true,
      () => false,
    );
    if (!isOpen) return;
    await new Promise((resolve) => {
      this.#server.close(resolve);
      this.#server.closeAllConnections();
    });
  }
}

function answer(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
  response.end(JSON.stringify(body));
}
