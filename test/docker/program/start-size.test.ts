// Arguments and environment against what the kernel takes.
import { expect, test } from 'vitest';
import { refuseLongStart } from '../../../src/docker/program/start-size.js';
import { containerRequest } from '../../support/container-request.js';
import { foundImage } from '../../support/fake-engine.js';

const entry = 'x'.repeat(100_000);
const list = (length: number, prefix = '') =>
  Array.from({ length }, (_, index) => `${prefix}${index}=${entry}`);

function check(request: Partial<ReturnType<typeof containerRequest>>, image = {}): void {
  refuseLongStart(
    containerRequest({ jobId: 'job-1', fence: 1, ...request }),
    foundImage('sha256:1', image).config,
  );
}

test('what the image brings counts too', () => {
  const image = { entrypoint: list(5), env: list(5, 'I') };

  expect(() => check({ command: list(5), env: list(5, 'V') }, image)).not.toThrow();
  expect(() => check({ command: list(6), env: list(6, 'V') }, image)).toThrow(
    'together too long for the kernel',
  );
});

test("the image's own words do not count where the job replaces them", () => {
  const image = { command: list(15), env: list(15, 'V') };

  expect(() => check({ command: ['true'], env: list(15, 'V') }, image)).not.toThrow();
});
