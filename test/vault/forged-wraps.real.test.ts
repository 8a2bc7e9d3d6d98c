import { afterAll, describe, expect, test } from 'vitest';
import { startLiveBench } from './live-bench.js';
import { forgeries } from './live-forgeries.js';
import { open } from './live-open.js';
import { startAuditedVault } from './private-audit.js';

const audited = await startAuditedVault();
afterAll(() => audited[Symbol.asyncDispose]());

describe('V2: in the audit log of Vault', () => {
  test.each(Object.entries(forgeries))('%s was looked up and never opened', async (_, forge) => {
    await using bench = await startLiveBench(audited.vault);
    const wrappingToken = await forge(bench);
    const { session, reported } = open(bench, wrappingToken);

    const operations = await audited.during(async () => {
      await expect(session.token()).rejects.toMatchObject({ code: 'wrap_not_ours', alarm: true });
      await session[Symbol.asyncDispose]();
    });

    expect(operations).toEqual([
      expect.objectContaining({ kind: 'look up', isDone: true, subject: wrappingToken.reveal() }),
    ]);
    expect(reported.accessor).toBe('');
    await bench.steal(wrappingToken); // It is whole: its owner can still open it.
  });
});
