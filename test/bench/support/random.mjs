/** Randomness that is the same in every run: seeded, with the skew of life (Zipf). */

/** Mulberry32. */
export function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export const pickFrom = (random) => (list) => list[Math.floor(random() * list.length)];

/** Draws from a list: the n-th of it 1/n as often as the first. */
export function zipfOf(list, random) {
  let sum = 0;
  const cumulative = list.map((_, rank) => (sum += 1 / (rank + 1)));
  return () => {
    const at = random() * sum;
    let [low, high] = [0, list.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (cumulative[middle] < at) low = middle + 1;
      else high = middle;
    }
    return list[low];
  };
}

/** A UUID made of the seeded randomness, so that runs can be compared. */
export function uuidFrom(random) {
  const hex = Array.from({ length: 4 }, () =>
    Math.floor(random() * 4_294_967_296)
      .toString(16)
      .padStart(8, '0'),
  ).join('');
  const variant = '89ab'[parseInt(hex[16], 16) % 4];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
