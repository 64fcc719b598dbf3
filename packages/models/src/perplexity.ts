import {
  ArgumentError,
  type CausalLM,
  crossEntropy,
  type Device,
  packed,
  type ProgressListener,
  type RowBatch,
  type Tensor,
} from "@whittle/core";

export interface PerplexityOptions {
  /** Tokens that the model sees at once, at most its context. */
  window: number;
  /** How many tokens after the one before a window begins. It scores what no window before it did, the rest is context. Default: `window`, side by side. */
  stride?: number;
  /** An id that every window begins with, counted in `window`; then the first token is scored as well. Default: none. */
  bos?: number;
  /** Called after each step. Default: nobody is told. */
  onProgress?: ProgressListener;
  /** Ends the work with its reason. */
  signal?: AbortSignal;
}

export interface PerplexityResult {
  /** e to the mean negative log likelihood. */
  readonly perplexity: number;
  /** Mean negative log likelihood of a token, in nats. */
  readonly nll: number;
  /** Tokens scored. */
  readonly tokens: number;
  readonly windows: number;
}

/** Rows of one step, if a window has fewer; and rows whose logits exist at once. Both bound the memory, and are large enough for full speed. */
const [rowsPerStep, rowsPerHead] = [512, 64];

/**
 * Perplexity of a text under a model, by sliding windows as is usual: every token but the first (with `bos`: every token) is scored exactly once, by the first
 * window that has it as a target.
 *
 * Takes the memory of one window's (or at least 512 rows') layer; logits are reduced on the device, and nothing blocks the event loop.
 * @throws ArgumentError if the text is too short or the options do not fit the model; DeviceError.
 */
export async function perplexity(
  { model, device }: { model: CausalLM; device: Device },
  ids: ArrayLike<number>,
  options: PerplexityOptions,
): Promise<PerplexityResult> {
  const { bos, onProgress, signal } = options;
  const windows = slidingWindows(ids.length, options, model.shape.maxPositions);
  const total = windows.reduce((sum, window) => sum + window.scored, 0);
  let [sum, tokens] = [0, 0];
  for (let next = 0; next < windows.length;) {
    signal?.throwIfAborted();
    const step: Window[] = [];
    for (let rows = 0; next < windows.length; next++) {
      rows += windows[next]!.to - windows[next]!.from + 1;
      if (step.length > 0 && rows > rowsPerStep) break;
      step.push(windows[next]!);
    }
    const losses = scoreWindows(model, device, ids, step, bos);
    try {
      for (const values of await Promise.all(losses.map((loss) => loss.read()))) for (const loss of values) sum += loss;
    } finally {
      for (const loss of losses) loss.dispose();
    }
    tokens += step.reduce((count, window) => count + window.scored, 0);
    onProgress?.({ stage: "scoring", done: tokens, total, unit: "tokens" });
  }
  return { perplexity: Math.exp(sum / tokens), nll: sum / tokens, tokens, windows: windows.length };
}

/** Tokens `from` to `to` (excluded) go in, after BOS if there is one; the last `scored` rows predict the tokens up to `to` (included). */
export interface Window {
  readonly from: number;
  readonly to: number;
  readonly scored: number;
}

/** Cuts `count` tokens. @throws ArgumentError */
export function slidingWindows(
  count: number,
  { window, stride = window, bos }: Pick<PerplexityOptions, "window" | "stride" | "bos">,
  maxPositions: number,
): Window[] {
  if (!(Number.isInteger(window) && window >= 1 && window <= maxPositions)) {
    throw new ArgumentError(
      `perplexity: window must be a whole number from 1 to the model's ${maxPositions} positions, but is ${window}`,
    );
  }
  if (!(Number.isInteger(stride) && stride >= 1 && stride <= window)) {
    throw new ArgumentError(
      `perplexity: stride must be a whole number from 1 to the window of ${window}, but is ${stride}`,
    );
  }
  // Without BOS the first token has nothing to be predicted from; with it, BOS takes a place of the window.
  const first = bos === undefined ? 1 : 0;
  if (count <= first) throw new ArgumentError(`perplexity: a text of ${count} tokens has none to score`);
  const windows: Window[] = [];
  for (let scoredTo = first - 1; scoredTo < count - 1;) {
    const from = windows.length * stride;
    const to = Math.min(from + window - 1 + first, count - 1);
    windows.push({ from, to, scored: to - scoredTo });
    scoredTo = to;
  }
  return windows;
}

/** Records one step over several windows. Returns the losses of their scored rows, in pieces. */
function scoreWindows(
  model: CausalLM,
  device: Device,
  ids: ArrayLike<number>,
  windows: readonly Window[],
  bos: number | undefined,
): Tensor[] {
  const tokens: number[] = [];
  const positions: number[] = [];
  const wanted: number[] = [];
  const targets: number[] = [];
  const runs = windows.map(({ from, to, scored }, sequence) => {
    const start = tokens.length;
    if (bos !== undefined) tokens.push(bos);
    for (let i = from; i < to; i++) tokens.push(ids[i]!);
    const count = tokens.length - start;
    for (let i = 0; i < count; i++) positions.push(i);
    for (let i = 0; i < scored; i++) {
      wanted.push(start + count - scored + i);
      targets.push(ids[to + 1 - scored + i]!);
    }
    return { sequence, from: start, count, held: false };
  });
  return device.scope(() => {
    const ints = (values: readonly number[]) => device.tensor(values, [values.length], "i32");
    const rows: RowBatch = { tokens: ints(tokens), positions: ints(positions), wanted: ints(wanted), runs };
    const step = packed(model.shape.layers, device).prepare(rows);
    const x = model.blocks(model.embed(rows), rows, step, 0, model.shape.layers.length);
    step.commit();
    const [allWanted, allTargets] = [rows.wanted, ints(targets)];
    const pieces = Array.from(
      { length: Math.ceil(wanted.length / rowsPerHead) },
      (_, i) => [i * rowsPerHead, Math.min((i + 1) * rowsPerHead, wanted.length)] as const,
    );
    return pieces.map(([from, to]) =>
      device.scope(() =>
        crossEntropy({ logits: model.head(x, allWanted.rows(from, to)), targets: allTargets.rows(from, to) }),
      ),
    );
  });
}
