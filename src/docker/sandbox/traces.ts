// What a container can leave behind in a network that it shared: whoever uses the network next must not meet it.
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { isOfContainer } from '../delivery/process-files.js';

/**
 * Sockets, also those that wait after their end; neighbours, routes and connections that the kernel remembers. Some of these
 * exist only with a part of the kernel.
 */
const sockets = ['tcp', 'tcp6', 'udp', 'udp6', 'udplite', 'raw', 'raw6', 'icmp', 'icmp6', 'packet', 'unix'];
const memories = ['arp', 'route', 'ipv6_route', 'if_inet6', 'nf_conntrack'];
/** The engine shares them with the network: a program that is root may write them. */
const files = ['hosts', 'resolv.conf', 'hostname'];
/** Of a network that nobody has used, many times over; a job can make them very long. */
const mostBytes = 64 * 1024;

/**
 * The network of a process on this host, as one text: equal before and after a container that left no trace and sent nothing,
 * not even to itself. Undefined where it cannot be read or is long: the engine is on another host, this process may not look,
 * or a job has left much.
 */
export async function readTraces(pid: number, containerId: string): Promise<string | undefined> {
  const read = (path: string) => readHead(`/proc/${pid}/${path}`);
  try {
    const seen = await Promise.all([
      ...[...sockets, ...memories].map((name) => unlessMissing(read(`net/${name}`))),
      read('net/dev').then(sentOf),
      ...files.map((name) => read(`root/etc/${name}`)),
    ]);
    // Read last, so that it holds for what was read: the engine may use another PID namespace.
    return (await isOfContainer(pid, containerId)) ? seen.join('\n') : undefined;
  } catch {
    return undefined;
  }
}

async function unlessMissing(reading: Promise<string>): Promise<string> {
  try {
    return await reading;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

/** Mode, owner and text. Throws where the text is too long. Follows no link and waits for nothing. */
async function readHead(path: string): Promise<string> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const { mode, uid, gid } = await file.stat();
  return `${mode} ${uid} ${gid}\n${await readBounded(file)}`;
}

/** Files of the kernel say nothing of their length, and give a part at a time. */
async function readBounded(file: FileHandle): Promise<string> {
  const buffer = Buffer.alloc(mostBytes);
  for (let length = 0; length < mostBytes; ) {
    const { bytesRead } = await file.read(buffer, length, mostBytes - length, null);
    if (bytesRead === 0) return buffer.toString('latin1', 0, length);
    length += bytesRead;
  }
  throw new Error('Expected less.');
}

/** Of each interface what went out: what comes in may be anybody's broadcast. */
function sentOf(dev: string): string {
  return dev
    .split('\n')
    .map((line) => {
      const [name, counters] = line.split(':');
      return counters === undefined ? '' : `${name}: ${counters.trim().split(/\s+/).slice(8).join(' ')}`;
    })
    .join('\n');
}
