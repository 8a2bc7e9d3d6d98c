// Writes the answer of JobProxy's ping.

/** In the form of the original: `alive (2025-10-18 14:20:00.000)`, in UTC. */
export function pingText(): string {
  const time = new Date().toISOString();
  return `alive (${time.replace('T', ' ').replace('Z', '')})`;
}
