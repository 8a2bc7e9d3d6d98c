// Chooses between JSON and XML: for an answer by its `Accept` header, for a body by its content type.

export type Format = 'json' | 'xml';

interface MediaRange {
  readonly type: string;
  readonly quality: number;
}

const mediaTypes: Readonly<Record<Format, string>> = { json: 'application/json', xml: 'application/xml' };

/**
 * The format that the client prefers; undefined when it takes neither. At equal quality the client's order decides, and
 * JSON where one range stands for both. A quality of 0 excludes.
 */
export function chooseFormat(accept: string | undefined): Format | undefined {
  const ranges = readRanges(accept ?? '');
  if (ranges.length === 0) return 'json';
  const [json, xml] = [rate(ranges, 'json'), rate(ranges, 'xml')];
  const best = [json, xml].filter(({ quality }) => quality > 0);
  return best.toSorted((one, other) => other.quality - one.quality || one.place - other.place)[0]?.format;
}

function readRanges(accept: string): readonly MediaRange[] {
  return accept
    .split(',')
    .map((part) => part.split(';').map((piece) => piece.trim().toLowerCase()))
    .filter(([type = '']) => type !== '')
    .map(([type = '', ...parameters]) => ({ type, quality: qualityOf(parameters) }));
}

/** What is no quality excludes: it must not count as the best one. */
function qualityOf(parameters: readonly string[]): number {
  const given = parameters.map((each) => /^q\s*=\s*(.*)$/.exec(each)?.[1]).find((each) => each !== undefined);
  if (given === undefined) return 1;
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(given) ? Number(given) : 0;
}

interface Rating {
  readonly format: Format;
  readonly quality: number;
  /** Of the range that counted, in the client's order. */
  readonly place: number;
}

/** The most exact range counts, whatever its quality. */
function rate(ranges: readonly MediaRange[], format: Format): Rating {
  for (const type of [mediaTypes[format], 'application/*', '*/*']) {
    const place = ranges.findIndex((range) => range.type === type);
    if (place >= 0) return { format, quality: ranges[place]?.quality ?? 0, place };
  }
  return { format, quality: 0, place: ranges.length };
}

/** The type of a body, without parameters; undefined when it is neither. Without a type, the first character tells. */
export function formatOfBody(contentType: string | undefined, body: Buffer): Format | undefined {
  const type = contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === '') return startsAsXml(body) ? 'xml' : 'json';
  if (type === mediaTypes.json || /^[\w.+-]+\/[\w.-]+\+json$/.test(type)) return 'json';
  return /^(?:application|text)\/xml$|^[\w.+-]+\/[\w.-]+\+xml$/.test(type) ? 'xml' : undefined;
}

const probeBytes = 1024;

function startsAsXml(body: Buffer): boolean {
  return /^(?:\u00ef\u00bb\u00bf)?[ \t\r\n]*</.test(body.toString('latin1', 0, probeBytes));
}

/** The `charset` of a content type, in lower case. */
export function charsetOf(contentType: string | undefined): string | undefined {
  return /;\s*charset\s*=\s*"?([\w.:-]{1,40})/i.exec(contentType ?? '')?.[1]?.toLowerCase();
}
