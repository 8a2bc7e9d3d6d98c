// Looks into abort signals for what is left in them.

/** How many signals were made of this one with `AbortSignal.any`: Node keeps them in it, unseen as listeners. */
export function dependantsOf(signal: AbortSignal): number {
  const key = Object.getOwnPropertySymbols(signal).find(
    (symbol) => symbol.description === 'kDependantSignals',
  );
  return key === undefined ? 0 : ((signal as unknown as Record<symbol, Set<unknown>>)[key]?.size ?? 0);
}
