/** Time and chance, so that tests can hold both still. Times are in milliseconds. */
export interface Clock {
  /** Never runs backwards; its zero means nothing. */
  now(): number;
  /** Calls `run` once after `ms`, unless the function returned is called before. */
  after(ms: number, run: () => void): () => void;
  /** From 0 up to but not including 1. */
  random(): number;
}

/** The longest delay that setTimeout keeps, in milliseconds: longer ones fire at once. */
const longestDelay = 2 ** 31 - 1;

/** The environment's own. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, Math.min(ms, longestDelay));
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};
