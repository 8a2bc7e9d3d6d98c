// What is executed in a job's container: the request's words laid over the image's, as every engine does it.
import type { ContainerRequest } from '../../executor/backend.js';

/** What an image says of how it is run. */
export interface ImageConfig {
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  /** `NAME=value`. */
  readonly env: readonly string[];
  readonly workingDirectory: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Whoever names an entrypoint gets nothing of the image's command. */
export function argumentsOf(
  { entrypoint, command }: Pick<ContainerRequest, 'entrypoint' | 'command'>,
  image: ImageConfig,
): readonly string[] {
  if (entrypoint.length > 0) return [...entrypoint, ...command];
  return [...image.entrypoint, ...(command.length > 0 ? command : image.command)];
}
