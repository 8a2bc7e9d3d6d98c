// Says which texts are long enough to be masked.

/**
 * Values shorter than this stay visible: `true`, `5432` or `admin` occur in words and numbers all over an output.
 * Masked, the output would be useless, and a reader who knows the text could guess the value from the gaps.
 */
const shortestValue = 6;
/**
 * Shorter lines of a value stay visible: a line of a config file may be a brace or a short word, which is no secret.
 */
const shortestLine = 8;

export function isLongEnough(text: string): boolean {
  return text.length >= shortestValue || Buffer.byteLength(text) >= shortestValue;
}

export function isLongLine(text: string): boolean {
  return Buffer.byteLength(text) >= shortestLine;
}
