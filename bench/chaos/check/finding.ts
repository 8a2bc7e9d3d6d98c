// The shape in which every check reports its result.

/** One rule: its name in the table, and what violates it. Every list should be empty. */
export interface Finding {
  readonly rule: string;
  readonly violations: readonly string[];
}
