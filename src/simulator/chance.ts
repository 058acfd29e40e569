/**
 * Seeded chance. Everything the simulator "decides" is a function of its seed and of what was sent, never of the
 * order in which requests happen to arrive, so that a failing run can be replayed.
 */

/** FNV-1a over UTF-16 units, finished with a murmur avalanche. Returns an unsigned 32-bit number. */
export const hashText = (text: string, seed = 0): number => {
  let hash = 0x811c9dc5 ^ seed;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return mix(hash, 0x9e3779b9);
};

/** Mixes two 32-bit numbers into a third that looks unrelated to both. */
export const mix = (left: number, right: number): number => {
  let hash = left ^ Math.imul(right, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
};

/** A number in [0, 1) from a 32-bit hash. */
export const unit = (hash: number): number => (hash >>> 0) / 4_294_967_296;

/** The n-th draw of a counter-based generator; a pure function of both arguments. */
export const draw = (seed: number, count: number): number => unit(mix(seed, count + 1));

/** A whole number in [min, max] chosen by `hash`. */
export const between = (hash: number, min: number, max: number): number =>
  min + Math.floor(unit(hash) * (max - min + 1));

/** The element of a non-empty list chosen by `hash`. */
export const pick = <Value>(hash: number, values: readonly [Value, ...Value[]]): Value =>
  values[Math.floor(unit(hash) * values.length)] ?? values[0];

/** A shuffled list of 0 … count-1 (Fisher-Yates), always the same for the same seed. */
export const shuffle = (count: number, seed: number): Uint32Array => {
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  for (let index = count - 1; index > 0; index -= 1) {
    const other = Math.floor(draw(seed, index) * (index + 1));
    const kept = order[index] ?? 0;
    order[index] = order[other] ?? 0;
    order[other] = kept;
  }
  return order;
};
