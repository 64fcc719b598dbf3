import { type CacheStep, type CausalLM, type Device, type KVCache, sample, type Slot } from "@whittle/core";
import { floatCache } from "@whittle/kvcache";

/** One greedy sequence, decoded token by token, as the engine does it. */
export class DecodeStep {
  private readonly cache: KVCache;
  private readonly sequence: number;
  private readonly tokens: Slot;
  private readonly positions: Slot;
  private readonly wanted: Slot;
  private readonly settings: Slot;
  private readonly keys: Slot;
  private position = 0;

  constructor(
    private readonly model: CausalLM,
    private readonly device: Device,
  ) {
    this.cache = floatCache()(model.shape.layers, device, 2 ** 26);
    this.sequence = this.cache.open().sequence;
    this.tokens = device.slot([1], "i32");
    this.positions = device.slot([1], "i32");
    this.wanted = device.slot([1], "i32");
    this.settings = device.slot([1, 4], "f32");
    this.settings.write([0, 0, 1, 0]);
    this.keys = device.slot([1, 4], "i32");
  }

  /** Records everything of the step; `commit` must follow once its ids are read. Without a scope its tensors stay until they are collected. */
  record(token: number, { scoped = true } = {}): { ids: Promise<ArrayLike<number>>; commit: () => void } {
    this.tokens.write([token]);
    this.positions.write([this.position]);
    const rows = {
      tokens: this.tokens.tensor,
      positions: this.positions.tensor,
      wanted: this.wanted.tensor,
      runs: [{ sequence: this.sequence, from: 0, count: 1, held: false }],
    };
    let ids: Promise<ArrayLike<number>> | undefined;
    let prepared: CacheStep | undefined;
    const body = () => {
      prepared = this.cache.prepare(rows);
      const { logits } = this.model.forward(rows, prepared);
      ids = sample({ logits, settings: this.settings.tensor, keys: this.keys.tensor }).read();
    };
    if (scoped) this.device.scope(body);
    else body();
    this.position++;
    return { ids: ids!, commit: () => prepared!.commit() };
  }
}
