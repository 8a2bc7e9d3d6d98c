// Splits a command that is one text into its words, by the quoting rules of the shell.

import { longestStartBytes } from '../../job/check.js';

/** One more than a job may have: whoever counts them says so. */
const mostWords = 4097;

/** As the shell has it: other blanks of Unicode belong to words. */
const blank = /[ \t\n]/;
/** In double quotes a backslash keeps its meaning only before these; before others it stands for itself. */
const escapedInQuotes = '$`"\\\n';

/**
 * The words of a command; undefined when a quote is not closed or nothing follows a backslash. A text without blanks is
 * one word as it stands, and so is one that is too long to start anything. Nothing is expanded: there is no shell.
 */
export function splitWords(text: string): string[] | undefined {
  if (!blank.test(text)) return text === '' ? [] : [text];
  return splitLine(text);
}

/** Like `splitWords`, but quotes are taken off a text without blanks, too. */
export function splitLine(text: string): string[] | undefined {
  if (text.length > longestStartBytes) return [text];
  const reader = new WordReader();
  for (const character of text) {
    reader.read(character);
    if (reader.words.length >= mostWords) return reader.words;
  }
  return reader.end();
}

type Mode = 'plain' | 'single' | 'double';

class WordReader {
  readonly words: string[] = [];
  /** Undefined between words: quotes may hold an empty one. */
  #word: string | undefined;
  #mode: Mode = 'plain';
  #isEscaped = false;

  read(character: string): void {
    if (this.#isEscaped) this.#readEscaped(character);
    else if (character === '\\' && this.#mode !== 'single') this.#isEscaped = true;
    else if (this.#mode === 'plain') this.#readPlain(character);
    else if (character === (this.#mode === 'single' ? "'" : '"')) this.#mode = 'plain';
    else this.#add(character);
  }

  end(): string[] | undefined {
    if (this.#isEscaped || this.#mode !== 'plain') return undefined;
    this.#finish();
    return this.words;
  }

  #readPlain(character: string): void {
    if (blank.test(character)) this.#finish();
    else if (character === "'" || character === '"') this.#open(character);
    else this.#add(character);
  }

  #open(quote: string): void {
    this.#mode = quote === "'" ? 'single' : 'double';
    this.#add('');
  }

  /** A backslash before a line end joins two lines. */
  #readEscaped(character: string): void {
    this.#isEscaped = false;
    const keepsBackslash = this.#mode === 'double' && !escapedInQuotes.includes(character);
    const meant = character === '\n' ? '' : character;
    this.#add(keepsBackslash ? `\\${character}` : meant);
  }

  #add(text: string): void {
    this.#word = (this.#word ?? '') + text;
  }

  #finish(): void {
    if (this.#word !== undefined) this.words.push(this.#word);
    this.#word = undefined;
  }
}
