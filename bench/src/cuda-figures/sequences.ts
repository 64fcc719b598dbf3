import { type CausalLM, type Device, type KVCache, sample, type Slot, type Tensor } from "@whittle/core";
import { floatCache } from "@whittle/kvcache";

/** Rows of one prefill step at most. */
const chunkRows = 4096;

/** Sequences of one length that are prefilled together and then decoded in step, greedily, the ids staying on the device: the engine's work without the engine. */
export class Sequences {
  private readonly cache: KVCache;
  private readonly ids: readonly number[];
  private readonly positions: Slot;
  private readonly wanted: Slot;
  private readonly settings: Slot;
  private readonly keys: Slot;
  private tokens: Tensor | undefined;
  private length = 0;

  constructor(
    private readonly model: CausalLM,
    private readonly device: Device,
    options: { count: number; longest: number; cacheDType: "f32" | "f16" | "bf16" },
  ) {
    const { count, longest, cacheDType } = options;
    const elements = model.shape.layers.reduce((sum, { kvHeads, headDim }) => sum + 2 * kvHeads * headDim, 0);
    const budget = count * (longest + 32) * elements * (cacheDType === "f32" ? 4 : 2);
    this.cache = floatCache({ dtype: cacheDType })(model.shape.layers, device, budget);
    this.ids = Array.from({ length: count }, () => this.cache.open().sequence);
    this.positions = device.slot([count], "i32");
    this.wanted = device.slot([count], "i32");
    this.settings = device.slot([count, 4], "f32");
    this.keys = device.slot([count, 4], "i32");
    this.wanted.write(this.ids.map((_, n) => n));
    this.settings.write(this.ids.flatMap(() => [0, 0, 1, 0]));
  }

  /** Records the prompts, whole sequences at a time as far as they fit into a step. `prompt(n, i)` is token i of sequence n. */
  prefill(promptTokens: number, prompt: (sequence: number, place: number) => number): void {
    const { device } = this;
    const together = Math.max(1, Math.floor(chunkRows / promptTokens));
    const parts: Tensor[] = [];
    for (let from = 0; from < this.ids.length; from += together) {
      const chunk = this.ids.slice(from, from + together);
      const places = Array.from({ length: promptTokens }, (_, i) => i);
      const ints = (values: number[]) => device.tensor(values, [values.length], "i32");
      parts.push(
        device.scope(() => {
          const rows = {
            tokens: ints(chunk.flatMap((_, n) => places.map((i) => prompt(from + n, i)))),
            positions: ints(chunk.flatMap(() => places)),
            wanted: ints(chunk.map((_, n) => (n + 1) * promptTokens - 1)),
            runs: chunk.map((sequence, n) => ({ sequence, from: n * promptTokens, count: promptTokens, held: false })),
          };
          return this.step(rows, chunk.length);
        }),
      );
    }
    this.length += promptTokens;
    this.tokens?.dispose();
    // What the model says first does not matter for the time; any ids will do.
    this.tokens =
      parts.length === 1
        ? parts[0]
        : device.tensor(
            this.ids.map((n) => n + 1),
            [this.ids.length],
            "i32",
          );
    if (parts.length > 1) for (const part of parts) part.dispose();
  }

  /** Records one step of all sequences. */
  decode(): void {
    const count = this.ids.length;
    this.positions.write(this.ids.map(() => this.length));
    const next = this.device.scope(() =>
      this.step(
        {
          tokens: this.tokens!,
          positions: this.positions.tensor,
          wanted: this.wanted.tensor,
          runs: this.ids.map((sequence, from) => ({ sequence, from, count: 1, held: false })),
        },
        count,
      ),
    );
    this.tokens!.dispose();
    this.tokens = next;
    this.length++;
  }

  /** The ids of the last step. */
  read(): Promise<ArrayLike<number>> {
    return this.tokens!.read();
  }

  dispose(): void {
    this.tokens?.dispose();
    for (const { tensor } of [this.positions, this.wanted, this.settings, this.keys]) tensor.dispose();
    this.cache.dispose();
  }

  private step(rows: Parameters<CausalLM["forward"]>[0], count: number): Tensor {
    const step = this.cache.prepare(rows);
    const { logits } = this.model.forward(rows, step);
    step.commit();
    return sample({
      logits,
      settings: this.settings.tensor.rows(0, count),
      keys: this.keys.tensor.rows(0, count),
    });
  }
}
