/** The sizes of a LLaMA that decide what a step costs. */
export interface LlamaSizes {
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly intermediateSize: number;
  readonly vocabSize: number;
}

/** What a step has to do at least, whoever does it. */
export interface StepCost {
  /** A multiplication and an addition are two. */
  readonly flops: number;
  /** Those of them that multiply queries with keys and weigh values. */
  readonly attentionFlops: number;
  /** Read from memory. */
  readonly bytes: number;
}

/** Bytes of one stored element. */
export interface ElementBytes {
  readonly weight: number;
  readonly cache: number;
}

/**
 * The least cost of one step over `rows` tokens of a sequence that has `context` tokens before them: each weight is read once, each cached key and value once,
 * every row passes every linear layer up to the last layer's keys and values, and the last row alone what is left and the head.
 */
export function stepCost(sizes: LlamaSizes, rows: number, context: number, element: ElementBytes): StepCost {
  const { layers, heads, kvHeads, headDim, hiddenSize } = sizes;
  const layer = layerElements(sizes);
  const keysAndValues = 2 * kvHeads * headDim * hiddenSize;
  const weights = ((layers - 1) * layer + keysAndValues) * rows + layer - keysAndValues + headElements(sizes);
  const attended = rows * context + (rows * (rows + 1)) / 2;
  const attentionFlops = 4 * heads * headDim * ((layers - 1) * attended + context + rows);
  return {
    flops: 2 * weights + attentionFlops,
    attentionFlops,
    bytes: weightBytes(sizes, element.weight) + 2 * layers * kvHeads * headDim * context * element.cache,
  };
}

/** The least cost of a step of `sequences` sequences that decode, each after `context` tokens: each weight is read once for all of them. */
export function decodeCost(sizes: LlamaSizes, sequences: number, context: number, element: ElementBytes): StepCost {
  const one = stepCost(sizes, 1, context, element);
  const weights = weightBytes(sizes, element.weight);
  return {
    flops: sequences * one.flops,
    attentionFlops: sequences * one.attentionFlops,
    bytes: weights + sequences * (one.bytes - weights),
  };
}

/** Bytes of all weights that a step reads; of the embedding it reads single rows, which do not count. */
export function weightBytes(sizes: LlamaSizes, bytesOfElement: number): number {
  return (sizes.layers * layerElements(sizes) + headElements(sizes)) * bytesOfElement;
}

/** Elements of a layer's linear layers. */
function layerElements({ hiddenSize, heads, kvHeads, headDim, intermediateSize }: LlamaSizes): number {
  return 2 * (heads + kvHeads) * headDim * hiddenSize + 3 * intermediateSize * hiddenSize;
}

function headElements({ vocabSize, hiddenSize }: LlamaSizes): number {
  return vocabSize * hiddenSize;
}
