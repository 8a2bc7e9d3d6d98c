/** Words that some YAML reader takes for a truth value or for nothing, in any mixture of capitals. */
const words = /^(?:~|null|y|n|yes|no|on|off|true|false)$/i;
/** Integers of all bases, floats, a mere exponent, infinities, groups of digits as in 1:30 or 1_000, and dates. */
const numbers =
  /^[-+]?(?:0b[01_]*|0o?[0-7_]*|0x[\da-f_]*|[\d_.,:]+(?:e[-+]?[\d_]*)?|e[-+]?\d[\d_]*|\.(?:inf|nan))$/i;
const dates = /^\d{4}-\d/;
/** Starts with nothing that YAML gives a meaning, and holds printable ASCII only. */
const harmless = /^[A-Za-z0-9_./+$^();\\<~][ -~]*$/;
/** A colon or a hash may stand inside a text, but not where it would end a key or start a comment. */
const structure = /: | #|[: ]$/;
/** The merge key and, to be safe, everything that begins like it. */
const merge = /^<</;

/**
 * Says whether a text may stand unquoted in a YAML file and still reads as this very text, whatever version of YAML the
 * job's tools follow. Tools that cut the file with `grep` and `cut` want no needless quotes.
 */
export function isPlainYaml(text: string): boolean {
  if (!harmless.test(text) || structure.test(text) || merge.test(text)) return false;
  return !words.test(text) && !numbers.test(text) && !dates.test(text);
}
