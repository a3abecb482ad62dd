/** A signal for fetch that gives up after so many milliseconds. AbortSignal.timeout is not in every browser still used. */
export function within(milliseconds) {
  const impatience = new AbortController();
  setTimeout(() => impatience.abort(), milliseconds);
  return impatience.signal;
}
