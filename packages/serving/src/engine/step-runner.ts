import {
  type CacheStep,
  type CausalLM,
  type Device,
  type KVCache,
  mixTokens,
  type RowBatch,
  type Run,
  sample,
  type Tensor,
} from "@whittle/core";
import { Drawing, type RecordedDraw } from "./drawing.js";
import { type FoundScore, PromptScoring } from "./prompt-scoring.js";
import { RecordedStep } from "./recorded-step.js";
import { type PlannedRun } from "./scheduler.js";
import { intInput } from "./step-inputs.js";
import { StepPrograms } from "./step-programs.js";

/**
 * Records steps, also one whose tokens the step before has not given yet: those go from its ids to this one's tokens on the device. Its inputs are slots as long as
 * the longest step.
 */
export class StepRunner {
  private readonly tokens;
  private readonly sampledFrom;
  private readonly positions;
  private readonly wanted;
  private readonly drawing: Drawing;
  private readonly scoring: PromptScoring;
  private readonly programs: StepPrograms;

  constructor(
    private readonly device: Device,
    private readonly model: CausalLM,
    private readonly cache: KVCache,
    limits: { rows: number; sequences: number },
  ) {
    const { rows, sequences } = limits;
    this.tokens = intInput(device, rows);
    this.sampledFrom = intInput(device, rows);
    this.positions = intInput(device, rows);
    this.wanted = intInput(device, sequences);
    this.drawing = new Drawing(device, model.shape.vocabSize, sequences);
    this.scoring = new PromptScoring(device, model, rows);
    this.programs = new StepPrograms(device, model);
  }

  /**
   * The forward pass is recorded (or replayed), and committed to the cache; so is the drawing, unless the host has to do something first for a row of it.
   * @throws CacheFull, OutOfMemory, ShapeError …: nothing has changed then
   */
  record(planned: readonly PlannedRun[], before?: RecordedStep): RecordedStep {
    const drawn = planned.filter(({ draws }) => draws);
    // A step of unfinished prompts draws an id too, and nobody takes it: its read is what tells whether the step failed.
    if (drawn.length === 0) drawn.push(planned.at(-1)!);
    const mustWait = drawn.some(({ sequence }) => sequence.drawsLater);
    const scored = this.scoring.wanted(planned);
    let cached: CacheStep | undefined;
    let found: Promise<readonly FoundScore[]> | undefined;
    const result = this.device.scope(() => {
      const { rows, mix } = this.rowsOf(planned, drawn, before);
      cached = this.cache.prepare(rows);
      try {
        if (scored.length > 0) {
          const mixed = mixedIn(rows, mix);
          const x = this.model.blocks(this.model.embed(mixed), mixed, cached, 0, this.model.shape.layers.length);
          const logits = this.model.head(x, rows.wanted);
          found = this.scoring.record(x, scored);
          return mustWait ? { logits } : this.drawing.record(logits, drawn);
        }
        const decodes = drawn.length === planned.length && rows.tokens.shape[0] === planned.length;
        return this.forward(rows, mix, cached, { drawn, decodes, mustWait });
      } catch (error) {
        cached.discard();
        throw error;
      }
    });
    cached!.commit();
    return new RecordedStep(planned, drawn, cached!, this.drawing, result, found);
  }

  dispose(): void {
    const { tokens, sampledFrom, positions, wanted, drawing, scoring, programs } = this;
    for (const part of [tokens, sampledFrom, positions, wanted, drawing, scoring, programs]) part.dispose();
  }

  /** Steps that only decode come again and again in the same shapes; what is drawn without help of the host is part of them. */
  private forward(
    rows: RowBatch,
    mix: Mix | undefined,
    cached: CacheStep,
    { drawn, decodes, mustWait }: { drawn: readonly PlannedRun[]; decodes: boolean; mustWait: boolean },
  ): RecordedDraw | { readonly logits: Tensor } {
    const logitsOf = () => this.model.forward(mixedIn(rows, mix), cached).logits;
    const run = (inputs: readonly Tensor[], record: () => Tensor) => {
      if (!decodes || !cached.inputs) return record();
      const mixed = mix ? [mix.sampled, mix.from] : [];
      return this.programs.run(
        [rows.tokens, rows.positions, rows.wanted, ...cached.inputs, ...mixed, ...inputs],
        record,
      );
    };
    if (!mustWait && this.drawing.isPlain(drawn)) {
      const { settings, keys } = this.drawing.inputs(drawn);
      return this.drawing.drawn(run([settings, keys], () => sample({ logits: logitsOf(), settings, keys })));
    }
    const logits = run([], logitsOf);
    return mustWait ? { logits } : this.drawing.record(logits, drawn);
  }

  /** The step's rows; tokens that the step before has not given yet are still to be mixed in. */
  private rowsOf(
    planned: readonly PlannedRun[],
    drawn: readonly PlannedRun[],
    before?: RecordedStep,
  ): { rows: RowBatch; mix: Mix | undefined } {
    const runs: Run[] = [];
    let [row, wanted, sampled] = [0, 0, 0];
    for (const run of planned) {
      const { sequence, slot, from, to } = run;
      runs.push({ sequence: slot, from: row, count: to - from, held: false });
      for (let position = from; position < to; position++, row++) {
        const known = position < sequence.ids.length;
        this.tokens.values[row] = known ? sequence.ids.at(position) : 0;
        this.sampledFrom.values[row] = known ? -1 : sequence.drawnAt;
        this.positions.values[row] = position;
        if (!known) sampled++;
      }
      if (run === drawn[wanted]) this.wanted.values[wanted++] = row - 1;
    }
    return {
      rows: {
        tokens: this.tokens.send(row),
        positions: this.positions.send(row),
        runs,
        wanted: this.wanted.send(wanted),
      },
      mix: sampled === 0 ? undefined : { sampled: before!.ids, from: this.sampledFrom.send(row) },
    };
  }
}

/** Ids of the step before, and which of them (-1: none) goes into each row. */
interface Mix {
  readonly sampled: Tensor;
  readonly from: Tensor;
}

function mixedIn(rows: RowBatch, mix: Mix | undefined): RowBatch {
  return mix ? { ...rows, tokens: mixTokens({ tokens: rows.tokens, ...mix }) } : rows;
}
