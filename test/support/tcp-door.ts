import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A way to a Unix socket over TCP: an engine behind it is remote as far as anybody can see. */
export interface TcpDoor extends AsyncDisposable {
  readonly port: number;
}

/** Opens it on the loopback. */
export async function openTcpDoor(socketPath: string): Promise<TcpDoor> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ path: socketPath, allowHalfOpen: true });
    for (const end of [near, far]) {
      open.add(end);
      end.once('close', () => open.delete(end));
      end.on('error', () => [near, far].map((each) => each.destroy()));
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
