import { type Device, type Tensor } from "@whittle/core";
import { NoTokenAllowed } from "../errors.js";
import { intInput, type StepInput } from "./step-inputs.js";
import { type Sequence } from "./sequence.js";

/** Collects which tokens a step's constrained rows allow and sends that to the device. Sizes are powers of two, so that few shapes exist. */
export class MaskInput {
  count = 0;
  private masks: StepInput<Int32Array> | undefined;
  private rows: StepInput<Int32Array> | undefined;
  private size = 0;
  private readonly words: number;

  constructor(
    private readonly device: Device,
    vocabSize: number,
  ) {
    this.words = Math.ceil(vocabSize / 32);
  }

  clear(): void {
    this.count = 0;
  }

  /** Asks the sequence's constraint. What goes wrong there is the sequence's own fault, and found when its token is read. */
  add(row: number, sequence: Sequence): void {
    if (sequence.fault !== undefined) return;
    if (this.count === this.size) this.grow();
    const { words } = this;
    const mask = this.masks!.values.subarray(this.count * words, (this.count + 1) * words).fill(0);
    try {
      if (!sequence.constraint!.allow(mask)) return;
      if (mask.every((word) => word === 0)) throw new NoTokenAllowed();
    } catch (error) {
      sequence.fault ??= error;
      return;
    }
    this.rows!.values[this.count++] = row;
  }

  send(): { mask: Tensor; at: Tensor } {
    const rows = 2 ** Math.ceil(Math.log2(this.count));
    this.rows!.values.fill(-1, this.count, rows);
    return { mask: this.masks!.send(rows), at: this.rows!.send(rows) };
  }

  dispose(): void {
    this.masks?.dispose();
    this.rows?.dispose();
  }

  private grow(): void {
    const { masks, rows } = this;
    this.dispose();
    this.size = Math.max(4, 2 * this.size);
    this.masks = intInput(this.device, this.size, this.words);
    this.rows = intInput(this.device, this.size);
    if (masks) this.masks.values.set(masks.values);
    if (rows) this.rows.values.set(rows.values);
  }
}
