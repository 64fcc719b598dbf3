import { type SampledLogprob } from "../request.js";

/** Log-probabilities of a prompt's tokens, as steps find them: in any order, and again after a preemption. All answers to one request share them. */
export class PromptScores {
  private readonly found: (SampledLogprob | undefined)[];
  private missing: number;

  constructor(
    private readonly prompt: Int32Array,
    /** Most probable ids that are told with each. */
    readonly top: number,
  ) {
    this.found = Array.from(prompt, () => undefined);
    // Nothing comes before the first, so it has none.
    this.missing = prompt.length - 1;
  }

  /** Every token but the first has its own. */
  get complete(): boolean {
    return this.missing === 0;
  }

  /** By place in the prompt. */
  get all(): readonly (SampledLogprob | undefined)[] {
    return this.found;
  }

  /** The token that the row at this position tells of; undefined if none of the prompt follows it, or it is known. */
  wanted(position: number): number | undefined {
    return this.found[position + 1] ? undefined : this.prompt[position + 1];
  }

  /** What the row at this position told of the token after it. */
  tell(position: number, logprob: SampledLogprob): void {
    if (!this.found[position + 1]) this.missing--;
    this.found[position + 1] = logprob;
  }
}
