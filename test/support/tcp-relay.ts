import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP port that leads to a Unix socket: an engine behind it looks like a remote one. */
export interface TcpRelay extends AsyncDisposable {
  readonly port: number;
}

/** Opens it on the loopback. */
export async function openTcpRelay(socketPath: string): Promise<TcpRelay> {
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
