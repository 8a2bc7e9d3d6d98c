import { describe, expect, test } from 'vitest';
import { parseXmlTask, xmlBounds } from '../../../../src/api/jobproxy/task/xml-task.js';

function read(xml: string, charset?: string) {
  return parseXmlTask(Buffer.from(xml), charset);
}

describe('a task in XML is read as the object that it is in JSON', () => {
  test('with schema attributes, a list of commands and mounts', async () => {
    const xml = String.raw`<?xml version="1.0"?>
<task xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="JobTask.xsd">
  <user>kai</user><memory> 128 </memory>
  <cmd>printf</cmd><cmd>%s\n</cmd><cmd>a &amp; b</cmd>
  <container><image>alpine:3.20</image>
    <mounts><mount><host>/data/in</host><container>/in</container></mount></mounts>
  </container>
</task>`;

    expect(await read(xml)).toEqual({
      object: {
        user: 'kai',
        memory: ' 128 ',
        cmd: ['printf', String.raw`%s\n`, 'a & b'],
        container: { image: 'alpine:3.20', mounts: { mount: { host: '/data/in', container: '/in' } } },
      },
    });
  });

  test.each([
    [
      '<task><container><ports><port/></ports><ports/></container></task>',
      { container: { ports: [{ port: {} }, {}] } },
    ],
    ['<task><container/></task>', { container: {} }],
    ['<task><container>a</container></task>', { container: 'a' }],
    [
      '<task><container><ports><port><container/></port></ports></container></task>',
      { container: { ports: { port: { container: '' } } } },
    ],
    ['<task/>', {}],
    ['<task><cmd/></task>', { cmd: '' }],
    ['<task><cmd>&lt;&gt;&amp;&apos;&quot;&#65;&#x1F600;&#10;</cmd></task>', { cmd: '<>&\'"A😀\n' }],
    ['<task><cmd>a<![CDATA[<&]]>b<!-- no --><?pi no?>c</cmd></task>', { cmd: 'a<&bc' }],
    ['<task><user>a</user><user>b</user></task>', { user: ['a', 'b'] }],
    ['<task xmlns:x="u"><x:user>b</x:user><user>a</user></task>', { user: 'a' }],
    ['<task>\r\n<cmd>a\r\nb&#13;</cmd></task>', { cmd: 'a\nb\r' }],
    ['\ufeff<task><user>ü</user></task>', { user: 'ü' }],
    [
      '<task><__proto__><user>a</user></__proto__></task>',
      JSON.parse('{"__proto__":{"user":"a"}}') as object,
    ],
  ])('%s', async (xml, object) => {
    expect(await read(xml)).toEqual({ object });
  });

  test('a character that two pieces of the text divide is whole', async () => {
    const long = '😀'.repeat(100_000);

    expect(await read(`<task> <cmd>${long}</cmd></task>`)).toEqual({ object: { cmd: long } });
    expect(await read(`<task><cmd>${long}</cmd></task>`)).toEqual({ object: { cmd: long } });
  });
});

describe('the encoding is that of the header, else the declared one', () => {
  const latin = Buffer.from(
    '<?xml version="1.0" encoding="ISO-8859-1"?><task><user>é</user></task>',
    'latin1',
  );

  test('a declared ISO-8859-1 is honoured', async () => {
    expect(await parseXmlTask(latin, undefined)).toEqual({ object: { user: 'é' } });
  });

  test('a charset of the header counts first', async () => {
    expect(await parseXmlTask(Buffer.from('<task><user>é</user></task>', 'latin1'), 'iso-8859-1')).toEqual({
      object: { user: 'é' },
    });
    expect(await parseXmlTask(latin, 'utf-8')).toEqual({
      problem: 'Expected the body to be text in UTF-8, got other bytes.',
    });
  });

  test('another encoding is refused', async () => {
    const text = '<?xml version="1.0" encoding="EBCDIC-CP-US"?><task/>';

    expect(await read(text)).toEqual({
      problem: 'Expected the body to be XML in UTF-8 or ISO-8859-1, got another encoding.',
    });
  });
});

describe('what is no task is refused, and only the place is told', () => {
  test.each([
    ['', 'line 1, column 0'],
    ['<task>', 'line 1, column 6'],
    ['<task><a></task>', 'line 1'],
    ['<task>\n<user>secret</use></task>', 'line 2'],
    ['<task>&nope;</task>', 'line 1'],
    ['<task>&#0;</task>', 'line 1'],
    ['<task/><task/>', 'line 1'],
    ['<task a="1" a="2"/>', 'line 1'],
    ['{"user":"kai"}', 'line 1'],
    ['<p:task xmlns:p="u"/>', 'without a namespace'],
    ['<task xmlns="u"/>', 'without a namespace'],
    ['<states/>', 'an element `task`'],
    ['<task>text<user>a</user></task>', 'one with both'],
    ['<!DOCTYPE task><task/>', 'document type'],
    ['<!DOCTYPE task SYSTEM "file:///etc/passwd"><task/>', 'document type'],
    [
      '<!DOCTYPE task [<!ENTITY x SYSTEM "file:///etc/passwd">]><task><user>&x;</user></task>',
      'document type',
    ],
    [
      '<!DOCTYPE task [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><task><user>&b;</user></task>',
      'document type',
    ],
  ])('%s', async (xml, words) => {
    const parsed = await read(xml);

    expect(parsed).toEqual({ problem: expect.stringContaining(words) });
    expect(JSON.stringify(parsed)).not.toMatch(/secret|nope|passwd|entity/);
  });

  test.each([
    ['depth', '<task>'.repeat(xmlBounds.depth + 1)],
    ['elements', `<task>${'<cmd/>'.repeat(xmlBounds.elements)}</task>`],
    [
      'attributes',
      `<task ${Array.from({ length: xmlBounds.attributes + 1 }, (_, at) => `a${at}=""`).join(' ')}/>`,
    ],
  ] as const)('more than the bound of %s', async (bound, xml) => {
    expect(await read(xml)).toEqual({ problem: expect.stringContaining(`at most ${xmlBounds[bound]}`) });
  });
});
