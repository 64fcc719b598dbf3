import { type Device, type Tensor } from "@whittle/core";
import { type ChangeSink } from "./logit-changes.js";
import { floatInput, intInput } from "./step-inputs.js";

/** Collects a step's changes of single logits and sends them to the device. Sizes are powers of two, so that few shapes exist. */
export class ChangeInput implements ChangeSink {
  count = 0;
  private places;
  private changes;
  private size = 64;

  constructor(private readonly device: Device) {
    this.places = intInput(device, this.size, 2);
    this.changes = floatInput(device, this.size, 2);
  }

  clear(): void {
    this.count = 0;
  }

  add(row: number, id: number, divisor: number, offset: number): void {
    if (this.count === this.size) this.grow();
    const at = 2 * this.count++;
    this.places.values[at] = row;
    this.places.values[at + 1] = id;
    this.changes.values[at] = divisor;
    this.changes.values[at + 1] = offset;
  }

  send(): { places: Tensor; changes: Tensor } {
    const rows = Math.max(64, 2 ** Math.ceil(Math.log2(this.count)));
    this.places.values.fill(-1, 2 * this.count, 2 * rows);
    return { places: this.places.send(rows), changes: this.changes.send(rows) };
  }

  dispose(): void {
    this.places.dispose();
    this.changes.dispose();
  }

  private grow(): void {
    const { places, changes } = this;
    this.dispose();
    this.size *= 2;
    this.places = intInput(this.device, this.size, 2);
    this.changes = floatInput(this.device, this.size, 2);
    this.places.values.set(places.values);
    this.changes.values.set(changes.values);
  }
}
