// One pair of named pipes between a program and this process.
import { close, constants, fstat, open } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ProgramPipe } from '../../executor/backend.js';

/** A link in its place would lead elsewhere on this host. */
const careful = constants.O_NONBLOCK | constants.O_NOFOLLOW;

/** Open until it is disposed of. */
export class OpenPipe implements ProgramPipe, Disposable {
  readonly name: string;
  readonly #reader: Socket;
  readonly #writer: Socket;
  /** Holds the pipe open for writing: without it the output would end whenever the program closes it. */
  #keeper: number | undefined;

  private constructor(name: string, files: { reader: number; keeper: number; writer: number }) {
    this.name = name;
    this.#reader = new Socket({ fd: files.reader, readable: true, writable: false });
    this.#writer = new Socket({ fd: files.writer, readable: false, writable: true });
    this.#keeper = files.keeper;
    for (const socket of [this.#reader, this.#writer]) socket.on('error', () => undefined);
  }

  /** Both pipes must be there. Throws the error of the system. */
  static async open(directory: string, name: string): Promise<OpenPipe> {
    const opened: number[] = [];
    const openAs = async (path: string, flags: number) => {
      const file = await openPipe(join(directory, path), flags);
      opened.push(file);
      return file;
    };
    try {
      const reader = await openAs(`${name}.out`, constants.O_RDONLY);
      const keeper = await openAs(`${name}.out`, constants.O_WRONLY);
      const writer = await openAs(`${name}.in`, constants.O_RDWR); // Needs nobody at its other end.
      return new OpenPipe(name, { reader, keeper, writer });
    } catch (error) {
      for (const file of opened) close(file);
      throw error;
    }
  }

  get output(): AsyncIterable<Uint8Array> {
    return this.#reader;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await new Promise<void>((resolve) => this.#writer.write(bytes, () => resolve()));
  }

  /** No program has it open any more: what is in it is read, and nothing is written. */
  end(): void {
    this.#writer.destroy();
    if (this.#keeper !== undefined) close(this.#keeper);
    this.#keeper = undefined;
  }

  [Symbol.dispose](): void {
    this.end();
    this.#reader.destroy();
  }
}

async function openPipe(path: string, flags: number): Promise<number> {
  const file = await promisify(open)(path, flags | careful);
  const facts = await promisify(fstat)(file);
  if (facts.isFIFO()) return file;
  close(file);
  throw new Error('This is no pipe.');
}
