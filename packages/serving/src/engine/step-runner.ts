import {
  type CacheStep,
  type CausalLM,
  type Device,
  type KVCache,
  type RowBatch,
  type Run,
  sample,
  type Slot,
  type Tensor,
} from "@whittle/core";
import { type PlannedRun } from "./scheduler.js";
import { type Sequence } from "./sequence.js";
import { writeKeys, writeSettings } from "./sampling.js";

/** A step whose work is under way. Exactly one of `commit` and `discard` ends it. */
export interface RecordedStep {
  /** The id drawn for each sequence whose rows are all computed, once the device has come that far. @throws DeviceError, DeviceLost */
  read(): Promise<ReadonlyMap<Sequence, number>>;
  commit(): void;
  discard(): void;
}

/** Records steps. Its inputs are slots as long as the longest step; a step uses their beginning. */
export class StepRunner {
  private readonly tokens: Input<Int32Array>;
  private readonly positions: Input<Int32Array>;
  private readonly wanted: Input<Int32Array>;
  private readonly settings: Input<Float32Array>;
  private readonly keys: Input<Int32Array>;

  constructor(
    private readonly device: Device,
    private readonly model: CausalLM,
    private readonly cache: KVCache,
    limits: { rows: number; sequences: number },
  ) {
    const { rows, sequences } = limits;
    this.tokens = new Input(device.slot([rows], "i32"), new Int32Array(rows));
    this.positions = new Input(device.slot([rows], "i32"), new Int32Array(rows));
    this.wanted = new Input(device.slot([sequences], "i32"), new Int32Array(sequences));
    this.settings = new Input(device.slot([sequences, 4], "f32"), new Float32Array(sequences * 4));
    this.keys = new Input(device.slot([sequences, 4], "i32"), new Int32Array(sequences * 4));
  }

  /** @throws CacheFull, OutOfMemory, ShapeError …: nothing has changed then */
  record(planned: readonly PlannedRun[]): RecordedStep {
    const drawn = planned.filter(({ sequence, rows }) => rows === sequence.pendingRows);
    let step: CacheStep | undefined;
    let ids: Promise<ArrayLike<number>> | undefined;
    this.device.scope(() => {
      const rows = this.rowsOf(planned);
      step = this.cache.prepare(rows);
      try {
        const { logits } = this.model.forward(rows, step);
        const [settings, keys] = [this.settings.send(logits.shape[0]!), this.keys.send(logits.shape[0]!)];
        ids = sample({ logits, settings, keys }).read();
      } catch (error) {
        step.discard();
        throw error;
      }
    });
    return {
      read: async () => {
        const values = await ids!;
        return new Map(drawn.map(({ sequence }, i) => [sequence, values[i]!]));
      },
      commit: () => step!.commit(),
      discard: () => step!.discard(),
    };
  }

  dispose(): void {
    for (const input of [this.tokens, this.positions, this.wanted, this.settings, this.keys])
      input.slot.tensor.dispose();
  }

  private rowsOf(planned: readonly PlannedRun[]): RowBatch {
    const runs: Run[] = [];
    let row = 0;
    let wanted = 0;
    const want = ({ sequence }: PlannedRun): void => {
      this.wanted.values[wanted] = row - 1;
      writeSettings(this.settings.values, wanted, sequence.request.parameters);
      writeKeys(this.keys.values, wanted, sequence.request.parameters.seed, sequence.choice, sequence.ids.length);
      wanted++;
    };
    for (const run of planned) {
      const { sequence, rows } = run;
      runs.push({ sequence: sequence.slot!, from: row, count: rows, held: false });
      for (let i = 0; i < rows; i++, row++) {
        const position = sequence.computedTokens + i;
        this.tokens.values[row] = sequence.ids[position]!;
        this.positions.values[row] = position;
      }
      if (rows === sequence.pendingRows) want(run);
    }
    // A step of unfinished prompts draws an id too, and nobody takes it: its read is what tells whether the step failed.
    if (wanted === 0) want(planned.at(-1)!);
    return {
      tokens: this.tokens.send(row),
      positions: this.positions.send(row),
      runs,
      wanted: this.wanted.send(wanted),
    };
  }
}

/** A slot and the host's copy of it. */
class Input<T extends Int32Array | Float32Array> {
  constructor(
    readonly slot: Slot,
    readonly values: T,
  ) {}

  /** Sends the first rows to the device. */
  send(rows: number): Tensor {
    const { tensor } = this.slot;
    this.slot.write(this.values.subarray(0, (tensor.elements / tensor.shape[0]!) * rows));
    return tensor.rows(0, rows);
  }
}
