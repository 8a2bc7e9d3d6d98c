/** Counts how often others got their turn on the event loop, until it is asked. */
export function countTurns(): () => number {
  let turns = -1;
  let next: NodeJS.Immediate;
  const count = () => {
    turns++;
    next = setImmediate(count);
  };
  count();
  return () => {
    clearImmediate(next);
    return turns;
  };
}
