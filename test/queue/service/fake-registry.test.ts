import { describe } from 'vitest';
import { describeRegistry } from '../../contract/registry.contract.js';
import { FakeRegistry } from '../../support/fake-registry.js';

describe('a fake registry', () => {
  describeRegistry(() => new FakeRegistry());
});
