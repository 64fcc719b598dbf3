import { type DType, encode, philox, purpose } from "@whittle/core";

/** Elements written at a time. */
const pieceElements = 2 ** 20;

/**
 * Seeded pseudo-random elements, uniform within ±`bound`, in pieces. A checkpoint of a billion of them takes seconds: each is picked, by 16 random bits, from a table of values
 * that was encoded once. Key of the stream: (seed, `index`).
 */
export function* randomElements(
  count: number,
  dtype: DType,
  bound: number,
  seed: number,
  index: number,
): Iterable<Uint8Array> {
  const values = encode(
    dtype,
    Float32Array.from({ length: 2 ** 16 }, (_, i) => bound * ((2 * i + 1) / 2 ** 16 - 1)),
  );
  const table = dtype === "f32" ? new Uint32Array(values.buffer) : new Uint16Array(values.buffer);
  let [state] = philox([index, 0, 0, purpose.initialise], [seed, 0]);
  state ||= 1;
  for (let done = 0; done < count; done += pieceElements) {
    const piece = new (table.constructor as typeof Uint32Array)(Math.min(pieceElements, count - done));
    for (let i = 0; i < piece.length; i++) {
      // Xorshift: Marsaglia 2003, period 2³² − 1.
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      piece[i] = table[state >>> 16]!;
    }
    yield new Uint8Array(piece.buffer);
  }
}
