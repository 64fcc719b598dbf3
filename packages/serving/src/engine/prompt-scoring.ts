import { type CausalLM, type Device, type Tensor, topLogprobs } from "@whittle/core";
import { type SampledLogprob } from "../request.js";
import { logprobOf, MOST_TOP } from "./logprob-rows.js";
import { type PromptScores } from "./prompt-scores.js";
import { type PlannedRun } from "./scheduler.js";
import { intInput } from "./step-inputs.js";

/** Rows whose logits are there at the same time: those of a whole prompt would take a vocabulary of floats for each token. */
const ROWS_AT_ONCE = 32;

/** A row of a step that tells of a prompt's next token. */
interface ScoredRow {
  readonly scores: PromptScores;
  readonly position: number;
  readonly row: number;
  readonly token: number;
}

/** What a step found out about a prompt. */
export interface FoundScore {
  readonly scores: PromptScores;
  readonly position: number;
  readonly logprob: SampledLogprob;
}

/** Records the log-probabilities of prompts' tokens, for the requests that want them. */
export class PromptScoring {
  private readonly rows;
  private readonly ids;

  constructor(
    private readonly device: Device,
    private readonly model: CausalLM,
    rows: number,
  ) {
    this.rows = intInput(device, rows);
    this.ids = intInput(device, rows);
  }

  /** The rows of a step that tell of prompts. */
  wanted(planned: readonly PlannedRun[]): ScoredRow[] {
    const wanted: ScoredRow[] = [];
    let first = 0;
    for (const { sequence, from, to } of planned) {
      const { scores } = sequence;
      for (let position = from; scores && position < to; position++) {
        const token = scores.wanted(position);
        if (token !== undefined) wanted.push({ scores, position, row: first + position - from, token });
      }
      first += to - from;
    }
    return wanted;
  }

  /** `x` `[rows, hidden]` is what the last layer gave. @throws OutOfMemory … */
  record(x: Tensor, wanted: readonly ScoredRow[]): Promise<FoundScore[]> {
    this.rows.values.set(wanted.map(({ row }) => row));
    this.ids.values.set(wanted.map(({ token }) => token));
    const [rows, ids] = [this.rows.send(wanted.length), this.ids.send(wanted.length)];
    const count = Math.min(MOST_TOP, this.model.shape.vocabSize);
    const parts: Promise<FoundScore[]>[] = [];
    for (let from = 0; from < wanted.length; from += ROWS_AT_ONCE) {
      const part = wanted.slice(from, from + ROWS_AT_ONCE);
      const read = this.device.scope(() => {
        const logits = this.model.head(x, rows.rows(from, from + part.length));
        const [values, top] = topLogprobs({ logits, ids: ids.rows(from, from + part.length), count });
        return [values.read(), top.read()] as const;
      });
      parts.push(
        Promise.all(read).then(([logprobs, tokens]) =>
          part.map(({ scores, position, token }, row) => ({
            scores,
            position,
            logprob: logprobOf({ logprobs, tokens, count }, row, token, scores.top),
          })),
        ),
      );
    }
    const found = Promise.all(parts).then((lists) => lists.flat());
    // Nobody may come to read it: a step is discarded with the one before.
    found.catch(() => undefined);
    return found;
  }

  dispose(): void {
    this.rows.dispose();
    this.ids.dispose();
  }
}
