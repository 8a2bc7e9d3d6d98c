// Decides whether a text needs quotes in a YAML file.

/** Words that some YAML reader takes for a boolean or null, in any mixture of upper and lower case. */
const words = /^(?:~|null|y|n|yes|no|on|off|true|false)$/i;
/** Integers of all bases, floats, a lone exponent, infinities, and groups of digits as in 1:30 or 1_000. */
const numbers =
  /^[-+]?(?:0b[01_]*|0o?[0-7_]*|0x[\da-f_]*|[\d_.,:]+(?:e[-+]?[\d_]*)?|e[-+]?\d[\d_]*|\.(?:inf|nan))$/i;
const dates = /^\d{4}-\d/;
/** Starts with no character that has a meaning in YAML, and contains only printable ASCII. */
const harmless = /^[A-Za-z0-9_./+$^();\\<~][ -~]*$/;
/** A colon or a hash is allowed inside a text, but not where it would end a key or start a comment. */
const structure = /: | #|[: ]$/;
/** The merge key and, to be safe, everything that starts like it. */
const merge = /^<</;

/**
 * True when the unquoted text is read as exactly this text, whatever version of YAML the job's tools follow. Scripts
 * that take values out of the file with `grep` and `cut` need it without unnecessary quotes.
 */
export function isPlainYaml(text: string): boolean {
  if (!harmless.test(text) || structure.test(text) || merge.test(text)) return false;
  return !words.test(text) && !numbers.test(text) && !dates.test(text);
}
