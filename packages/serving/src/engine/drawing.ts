import { adjustLogits, type Device, gatherRows, maskLogits, sample, type Tensor, topLogprobs } from "@whittle/core";
import { type SampledLogprob } from "../request.js";
import { ChangeInput } from "./change-input.js";
import { logprobOf, MOST_TOP } from "./logprob-rows.js";
import { MaskInput } from "./mask-input.js";
import { writeKeys, writeSettings } from "./sampling.js";
import { type PlannedRun } from "./scheduler.js";
import { floatInput, intInput } from "./step-inputs.js";

/** What the device drew, once it has come that far. */
export interface Drawn {
  readonly ids: ArrayLike<number>;
  /** By place among the ids; undefined for those that asked for none. */
  readonly logprobs: readonly (SampledLogprob | undefined)[];
}

export interface RecordedDraw {
  /** `[runs]` i32, the caller's to dispose. */
  readonly ids: Tensor;
  readonly read: Promise<Drawn>;
}

/** Records how tokens are drawn from a step's logits. Requests without penalties, biases, constraints and log-probabilities cost `sample` alone. */
export class Drawing {
  private readonly settings;
  private readonly keys;
  private readonly reported;
  private readonly changes: ChangeInput;
  private readonly masks: MaskInput;

  constructor(
    private readonly device: Device,
    private readonly vocabSize: number,
    sequences: number,
  ) {
    this.settings = floatInput(device, sequences, 4);
    this.keys = intInput(device, sequences, 4);
    this.reported = intInput(device, sequences);
    this.changes = new ChangeInput(device);
    this.masks = new MaskInput(device, vocabSize);
  }

  /** Row i of `logits` `[rows, vocab]`, which are changed in place, is for run i. @throws OutOfMemory … */
  record(logits: Tensor, runs: readonly PlannedRun[]): RecordedDraw {
    return this.device.scope(() => {
      const reported = runs.flatMap(({ sequence }, row) =>
        sequence.request.parameters.logprobs === undefined ? [] : [row],
      );
      // As the model said them: a copy, taken before they are changed.
      const raw = reported.length > 0 ? this.rowsOf(logits, reported) : undefined;
      this.change(logits, runs);
      const ids = sample({ logits, ...this.inputs(runs) });
      return this.drawn(ids, raw && this.logprobsOf(raw, ids, reported, runs));
    });
  }

  /** Whether nothing is done to these runs' logits, and nothing is told of them: then `sample` over `inputs` is all of the drawing. */
  isPlain(runs: readonly PlannedRun[]): boolean {
    return runs.every(
      ({ sequence: { changes, constraint, request } }) =>
        !changes && !constraint && request.parameters.logprobs === undefined,
    );
  }

  /** How `sample` is to draw for these runs. */
  inputs(runs: readonly PlannedRun[]): { settings: Tensor; keys: Tensor } {
    runs.forEach(({ sequence, to }, row) => {
      const { parameters } = sequence.request;
      writeSettings(this.settings.values, row, parameters);
      writeKeys(this.keys.values, row, parameters.seed, sequence.choice, to);
    });
    return { settings: this.settings.send(runs.length), keys: this.keys.send(runs.length) };
  }

  /** Reads what was drawn. */
  drawn(ids: Tensor, logprobs?: Promise<Drawn["logprobs"]>): RecordedDraw {
    const read = gathered(ids.read(), logprobs);
    // Nobody may come to read it: a step is discarded with the one before.
    read.catch(() => undefined);
    return { ids, read };
  }

  dispose(): void {
    for (const input of [this.settings, this.keys, this.reported, this.changes, this.masks]) input.dispose();
  }

  private change(logits: Tensor, runs: readonly PlannedRun[]): void {
    const { changes, masks } = this;
    changes.clear();
    masks.clear();
    runs.forEach(({ sequence, to }, row) => {
      if (sequence.ended) return;
      sequence.changes?.write(changes, row, to - sequence.promptTokens);
      if (sequence.constraint) masks.add(row, sequence);
    });
    if (changes.count > 0) adjustLogits({ logits, ...changes.send() });
    if (masks.count > 0) maskLogits({ logits, ...masks.send() });
  }

  private rowsOf(x: Tensor, rows: readonly number[]): Tensor {
    this.reported.values.set(rows);
    return gatherRows({ x, indices: this.reported.send(rows.length) });
  }

  private logprobsOf(
    raw: Tensor,
    ids: Tensor,
    reported: readonly number[],
    runs: readonly PlannedRun[],
  ): Promise<Drawn["logprobs"]> {
    const chosen = this.rowsOf(ids.reshape([runs.length, 1]), reported).reshape([reported.length]);
    const count = Math.min(MOST_TOP, this.vocabSize);
    const [values, top] = topLogprobs({ logits: raw, ids: chosen, count });
    return Promise.all([values.read(), top.read(), chosen.read()]).then(([logprobs, tokens, drawn]) => {
      const byRow: (SampledLogprob | undefined)[] = [];
      reported.forEach((row, i) => {
        const wanted = runs[row]!.sequence.request.parameters.logprobs!;
        byRow[row] = logprobOf({ logprobs, tokens, count }, i, drawn[i]!, wanted);
      });
      return byRow;
    });
  }
}

async function gathered(
  ids: Promise<ArrayLike<number>>,
  logprobs: Promise<Drawn["logprobs"]> | undefined,
): Promise<Drawn> {
  if (!logprobs) return { ids: await ids, logprobs: [] };
  const [read, reported] = await Promise.all([ids, logprobs]);
  return { ids: read, logprobs: reported };
}
