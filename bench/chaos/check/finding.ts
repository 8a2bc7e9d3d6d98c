/** One rule: what it is called in the table, and what breaks it. Every list should be empty. */
export interface Finding {
  readonly rule: string;
  readonly violations: readonly string[];
}
