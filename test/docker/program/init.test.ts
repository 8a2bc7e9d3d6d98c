// What is process 1 of a job.
import { describe, expect, test } from 'vitest';
import { type InitPolicy, needsInit } from '../../../src/docker/program/init.js';
import { containerRequest } from '../../support/container-request.js';
import { foundImage } from '../../support/fake-engine.js';

type Request = Partial<ReturnType<typeof containerRequest>>;
type Config = Parameters<typeof foundImage>[1];

function decide(request: Request, image: Config = {}, policy: InitPolicy = 'auto'): boolean {
  const full = containerRequest({ jobId: 'job-1', fence: 1, ...request });
  return needsInit(full, foundImage('sha256:1', image).config, policy);
}

describe('an init process of ours', () => {
  test.each([
    ['/init'],
    ['/sbin/init'],
    ['/usr/bin/tini'],
    ['tini-static'],
    ['/usr/bin/dumb-init'],
    ['/usr/bin/catatonit'],
    ['/bin/s6-svscan'],
    ['/sbin/my_init'],
    ['/lib/systemd/systemd'],
  ])('gives way to %s of the image', (program) => {
    expect(decide({ command: ['a'] }, { entrypoint: [program, '--'] })).toBe(false);
    expect(decide({}, { command: [program] })).toBe(false);
    expect(decide({ entrypoint: [program] })).toBe(false);
    expect(decide({ command: [program, 'a'] })).toBe(false);
  });

  test('is there for every other program', () => {
    expect(decide({ command: ['sh', '-c', 'tini'] })).toBe(true);
    expect(decide({ entrypoint: ['/opt/initialize'] }, { entrypoint: ['/init'] })).toBe(true);
    expect(decide({})).toBe(true);
  });

  const yes = { labels: { 'stint.init': 'true' } };
  const no = { labels: { 'stint.init': 'false' } };

  test.each<[string, boolean, boolean]>([
    ['the operator: always', decide({}, { command: ['/init'] }, 'always'), true],
    ['the operator: never', decide({ command: ['sh'] }, {}, 'never'), false],
    ['the image before the operator', decide({}, no, 'always'), false],
    ['the image before its own name', decide({}, { ...yes, entrypoint: ['/init'] }), true],
    ['the job before the image: yes', decide({ init: true }, no, 'never'), true],
    ['the job before the image: no', decide({ init: false }, yes, 'always'), false],
  ])('is decided by %s', (_, decided, expected) => {
    expect(decided).toBe(expected);
  });

  test('fails the job where the label of its image says neither, unless the job says so itself', () => {
    const labels = { 'stint.init': 'maybe' };

    expect(() => decide({}, { labels })).toThrow('Expected the label `stint.init` of the image');
    expect(decide({ init: true }, { labels })).toBe(true);
  });
});
