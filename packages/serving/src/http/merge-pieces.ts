import { type Generation, type Piece } from "../request.js";

/** A piece, and which of the generations made it. */
export interface IndexedPiece {
  readonly index: number;
  readonly piece: Piece;
}

/**
 * The pieces of several generations as they come, whichever is first. Whoever leaves, or any failure, cancels all of them.
 * @throws what a generation throws
 */
export async function* mergePieces(generations: readonly Generation[]): AsyncGenerator<IndexedPiece> {
  const iterators = generations.map((generation) => generation[Symbol.asyncIterator]());
  const next = async (index: number): Promise<{ index: number; result: IteratorResult<Piece> }> => ({
    index,
    result: await iterators[index]!.next(),
  });
  const open = new Map(iterators.map((_, index) => [index, next(index)]));
  try {
    while (open.size > 0) {
      const { index, result } = await Promise.race(open.values());
      if (result.done) {
        open.delete(index);
        continue;
      }
      open.set(index, next(index));
      yield { index, piece: result.value };
    }
  } finally {
    for (const generation of generations) generation.cancel();
    for (const pending of open.values()) pending.catch(() => undefined);
  }
}
