import { type ShapeName } from "../shared/random-checkpoint.js";

/** What weights are stored as, in both sides' one file. */
export const formats = ["f32", "f16", "q8_0", "q4_0"] as const;
export type Format = (typeof formats)[number];

/** Bytes of a weight. Norms, which stay f32, do not count. */
export const bytesOfWeight: Readonly<Record<Format, number>> = { f32: 4, f16: 2, q8_0: 34 / 32, q4_0: 18 / 32 };

export const figures = ["prefill", "decode", "batch", "rows", "first-token"] as const;
export type FigureName = (typeof figures)[number];
/** Figures that both sides have in tokens per second. */
export type VersusName = "prefill" | "decode" | "batch";

/** Sequences that our curve is measured with, and tokens of their prompts. */
export const rowCounts = [1, 2, 4, 8, 16, 32, 64];
export const rowsPrompt = 4;
export const promptTokens = 512;
/** Of what is decoded: short, as in llama.cpp's `tg` figures. */
export const shortPrompt = 16;
export const batchSequences = 8;

/** How much of a thing is timed at once: enough that a moment's disturbance does not decide, and at the largest shape not more than a minute or two in all. */
export interface Effort {
  readonly prefills: number;
  readonly decodeTokens: number;
  readonly batchTokens: number;
  readonly rowsTokens: number;
  /** Times that decoding is repeated within a round. */
  readonly times: number;
  /** The peer's threads that are worth trying. */
  readonly peerThreads: readonly number[];
}

export const efforts: Readonly<Record<ShapeName, Effort>> = {
  stories15M: { prefills: 15, decodeTokens: 128, batchTokens: 64, rowsTokens: 64, times: 2, peerThreads: [1, 2] },
  "SmolLM-135M": { prefills: 3, decodeTokens: 128, batchTokens: 32, rowsTokens: 32, times: 1, peerThreads: [1, 2] },
  "TinyLlama-1.1B": { prefills: 1, decodeTokens: 32, batchTokens: 16, rowsTokens: 8, times: 1, peerThreads: [2] },
};
