import { createServer } from 'node:net';
import { freePort } from '../../../test/support/free-ports.mjs';
import { WaitingRoom } from './waiting-room.js';

const HOST = '127.0.0.1';

it('answers while it is open, and leaves the port when it is closed, also in the middle of opening', async () => {
  const port = await freePort();
  const room = new WaitingRoom();
  await room.close();
  for (let times = 0; times < 2; times += 1) {
    await Promise.all([room.open(port, HOST), room.open(port, HOST)]);
    expect((await fetch(`http://${HOST}:${port}/health/live`)).status).toBe(200);
    await room.close();
    const opening = room.open(port, HOST);
    await Promise.all([opening, room.close()]);
    await new Promise<void>((resolve, reject) => {
      const next = createServer();
      next.once('error', reject);
      next.listen(port, HOST, () => next.close(() => resolve()));
    });
  }
});

it('says when the port is taken, and can be closed then', async () => {
  const taken = createServer();
  const port = await new Promise<number>((resolve) =>
    taken.listen(0, HOST, () => {
      const address = taken.address();
      resolve(typeof address === 'object' && address ? address.port : 0);
    }),
  );
  const room = new WaitingRoom();
  await expect(room.open(port, HOST)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await room.close();
  await new Promise((resolve) => taken.close(resolve));
});
