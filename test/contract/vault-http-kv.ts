import { expect, test } from 'vitest';
import type { VaultBench } from './vault-http-bench.js';

const nothing = { status: 404, body: { errors: [] } };

export function kv1Rules(bench: VaultBench): void {
  test('a secret is written, read, listed and deleted', async () => {
    const mount = await bench.mount('kv-v1');
    await bench.ask('POST', `${mount}/a`, { body: { x: 1, y: [true, null], z: { 'a b': 'ä' } } });
    await bench.ask('PUT', `${mount}/d/e`, { body: { x: 'y' } });

    expect(await bench.ask('GET', `${mount}/a`)).toMatchObject({
      status: 200,
      body: { data: { x: 1, y: [true, null], z: { 'a b': 'ä' } }, lease_duration: 2_764_800, warnings: null },
    });
    expect((await bench.ask('LIST', mount)).body.data).toEqual({ keys: ['a', 'd/'] });
    expect((await bench.ask('GET', `${mount}/d?list=true`)).body.data).toEqual({ keys: ['e'] });
    await bench.ask('POST', `${mount}/a`, { body: { other: 'o' } });
    expect((await bench.ask('GET', `${mount}/a`)).body.data).toEqual({ other: 'o' });
    expect((await bench.ask('DELETE', `${mount}/a`)).status).toBe(204);
    expect((await bench.ask('DELETE', `${mount}/a`)).status).toBe(204);
    expect(await bench.ask('GET', `${mount}/a`)).toEqual(nothing);
    expect(await bench.ask('LIST', `${mount}/none`)).toEqual(nothing);
  });

  test('numbers come back as they were written, wrapped or not', async () => {
    const path = `${await bench.mount('kv-v1')}/a`;
    const data = '"data":{"big":12345678901234567890,"one":1.0}';
    await bench.send('POST', path, '{"big":12345678901234567890,"one":1.0}');
    const { body } = await bench.ask('GET', path, { wrap: '60' });

    expect(await bench.send('GET', path, null)).toContain(data);
    const unwrap = JSON.stringify({ token: body.wrap_info?.token });
    expect(await bench.send('POST', 'sys/wrapping/unwrap', unwrap)).toContain(data);
  });

  test.each([
    ['ttl', '90s', 90],
    ['lease', '2h', 7200],
    ['ttl', '0s', 0],
    ['ttl', 'soon', 2_764_800],
  ])('a key `%s` that says %j is the time that is told', async (key, value, seconds) => {
    const path = `${await bench.mount('kv-v1')}/a`;
    await bench.ask('POST', path, { body: { [key]: value } });

    expect((await bench.ask('GET', path)).body.lease_duration).toBe(seconds);
  });

  test('an empty secret is refused', async () => {
    const mount = await bench.mount('kv-v1');

    expect(await bench.ask('POST', `${mount}/a`, { body: {} })).toEqual({
      status: 400,
      body: { errors: ['missing data fields'] },
    });
    expect((await bench.ask('POST', `${mount}/a`, { body: [1] })).status).toBe(400);
  });
}

function writeTo(bench: VaultBench) {
  return (path: string, data: object, options?: object) =>
    bench.ask('POST', path, { body: options === undefined ? { data } : { data, options } });
}

export function kv2Rules(bench: VaultBench): void {
  const write = writeTo(bench);

  test('every write makes a version', async () => {
    const path = `${await bench.mount('kv-v2')}/data/a`;
    expect((await write(path, { x: 1 })).body.data).toMatchObject({
      version: 1,
      deletion_time: '',
      destroyed: false,
    });
    await write(path, { x: 2 });

    expect((await bench.ask('GET', path)).body).toMatchObject({
      data: { data: { x: 2 }, metadata: { version: 2 } },
      lease_duration: 0,
    });
    expect((await bench.ask('GET', `${path}?version=1`)).body.data).toMatchObject({ data: { x: 1 } });
    expect(await bench.ask('GET', `${path}?version=9`)).toEqual(nothing);
  });

  test('check-and-set refuses the later of two writers', async () => {
    const path = `${await bench.mount('kv-v2')}/data/a`;
    const late = {
      status: 400,
      body: { errors: ['check-and-set parameter did not match the current version'] },
    };

    expect((await write(path, { x: 1 }, { cas: 0 })).status).toBe(200);
    expect(await write(path, { x: 2 }, { cas: 0 })).toEqual(late);
    expect((await write(path, { x: 2 }, { cas: 1 })).status).toBe(200);
  });

  test('a deleted version answers 404 with its metadata, and comes back; a destroyed one does not', async () => {
    const mount = await bench.mount('kv-v2');
    const path = `${mount}/data/a`;
    for (const x of [1, 2]) await write(path, { x });
    const each = (verb: string) => bench.ask('POST', `${mount}/${verb}/a`, { body: { versions: [2] } });

    expect((await bench.ask('DELETE', path)).status).toBe(204);
    const gone = await bench.ask('GET', path);
    expect(gone).toMatchObject({
      status: 404,
      body: { data: { data: null, metadata: { version: 2, destroyed: false } } },
    });
    expect((await each('undelete')).status).toBe(204);
    expect((await bench.ask('GET', path)).body.data).toMatchObject({ data: { x: 2 } });
    expect((await each('delete')).status).toBe(204);
    expect((await bench.ask('GET', path)).status).toBe(404);
    await each('undelete');
    expect((await each('destroy')).status).toBe(204);
    await each('undelete');
    expect(await bench.ask('GET', path)).toMatchObject({
      status: 404,
      body: { data: { data: null, metadata: { destroyed: true } } },
    });
    expect((await bench.ask('GET', `${path}?version=1`)).status).toBe(200);
  });
}

export function kv2MetadataRules(bench: VaultBench): void {
  const write = writeTo(bench);

  test('metadata lists all versions, and deleting it deletes them all', async () => {
    const mount = await bench.mount('kv-v2');
    for (const x of [1, 2]) await write(`${mount}/data/d/a`, { x });
    const metadata = `${mount}/metadata/d/a`;
    await bench.ask('POST', metadata, { body: { custom_metadata: { owner: 'me' } } });

    expect((await bench.ask('GET', metadata)).body.data).toMatchObject({
      current_version: 2,
      custom_metadata: { owner: 'me' },
      versions: { 1: { destroyed: false }, 2: { deletion_time: '' } },
    });
    expect((await bench.ask('LIST', `${mount}/metadata`)).body.data).toEqual({ keys: ['d/'] });
    expect((await bench.ask('DELETE', metadata)).status).toBe(204);
    expect(await bench.ask('GET', `${mount}/data/d/a`)).toEqual(nothing);
    expect(await bench.ask('GET', metadata)).toEqual(nothing);
  });

  test('the oldest versions go when there are too many', async () => {
    const mount = await bench.mount('kv-v2');
    await bench.ask('POST', `${mount}/config`, { body: { max_versions: 2 } });
    for (const x of [1, 2, 3]) await write(`${mount}/data/a`, { x });

    expect(await bench.ask('GET', `${mount}/data/a?version=1`)).toEqual(nothing);
    expect((await bench.ask('GET', `${mount}/metadata/a`)).body.data).toMatchObject({
      current_version: 3,
      oldest_version: 2,
      versions: { 2: {}, 3: {} },
    });
  });

  test.each(['GET', 'POST', 'LIST'])('a path without its part gives a warning (%s)', async (method) => {
    const mount = await bench.mount('kv-v2');
    const { status, body } = await bench.ask(
      method,
      `${mount}/a`,
      method === 'POST' ? { body: { x: 1 } } : {},
    );

    expect(status).toBe(404);
    expect(body.warnings?.[0]).toMatch(/^Invalid path for a versioned K\/V secrets engine\./);
  });

  test('data without `data` is refused', async () => {
    const mount = await bench.mount('kv-v2');

    expect(await bench.ask('POST', `${mount}/data/a`, { body: { x: 1 } })).toEqual({
      status: 400,
      body: { errors: ['no data provided'] },
    });
  });
}
