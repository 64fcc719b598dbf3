import { type EffectiveParameters } from "../request.js";

/** Takes changes for the op `adjustLogits`. */
export interface ChangeSink {
  add(row: number, id: number, divisor: number, offset: number): void;
}

/** What penalties, biases and `minTokens` change in the logits of one sequence, id by id. */
export class LogitChanges {
  /** Whether it depends on the tokens generated so far, not only on their number. */
  readonly needsHistory: boolean;
  private readonly placeOf = new Map<number, number>();
  // One entry for each id that is or may be changed.
  private readonly ids: number[] = [];
  private readonly counts: number[] = [];
  private readonly divisors: number[] = [];
  private readonly biases: number[] = [];

  /** Undefined if the parameters change nothing. */
  static of(
    parameters: EffectiveParameters,
    prompt: Int32Array,
    endIds: ReadonlySet<number>,
  ): LogitChanges | undefined {
    const { frequencyPenalty, presencePenalty, repetitionPenalty, logitBias, minTokens } = parameters;
    const penalised = frequencyPenalty !== 0 || presencePenalty !== 0 || repetitionPenalty !== 1;
    return penalised || logitBias.size > 0 || minTokens > 0
      ? new LogitChanges(parameters, prompt, endIds, penalised)
      : undefined;
  }

  private constructor(
    private readonly parameters: EffectiveParameters,
    prompt: Int32Array,
    private readonly endIds: ReadonlySet<number>,
    penalised: boolean,
  ) {
    this.needsHistory = penalised;
    for (const [id, bias] of parameters.logitBias) this.biases[this.place(id)] = bias;
    if (parameters.minTokens > 0) for (const id of endIds) this.place(id);
    if (parameters.repetitionPenalty !== 1)
      for (const id of prompt) this.divisors[this.place(id)] = parameters.repetitionPenalty;
  }

  /** A token was generated. */
  push(id: number): void {
    if (!this.needsHistory) return;
    const place = this.place(id);
    this.counts[place]!++;
    this.divisors[place] = this.parameters.repetitionPenalty;
  }

  /** The changes of the logits in `row`, before the token after `generated` others is drawn. */
  write(into: ChangeSink, row: number, generated: number): void {
    const { frequencyPenalty, presencePenalty, minTokens } = this.parameters;
    const mayEnd = generated >= minTokens;
    for (let place = 0; place < this.ids.length; place++) {
      const [id, count, divisor] = [this.ids[place]!, this.counts[place]!, this.divisors[place]!];
      const offset =
        !mayEnd && this.endIds.has(id)
          ? -Infinity
          : this.biases[place]! - (count > 0 ? count * frequencyPenalty + presencePenalty : 0);
      if (divisor !== 1 || offset !== 0) into.add(row, id, divisor, offset);
    }
  }

  private place(id: number): number {
    const known = this.placeOf.get(id);
    if (known !== undefined) return known;
    const place = this.ids.push(id) - 1;
    this.placeOf.set(id, place);
    this.counts.push(0);
    this.divisors.push(1);
    this.biases.push(0);
    return place;
  }
}
