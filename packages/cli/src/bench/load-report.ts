import { type Outcome } from "./outcome.js";
import { type Summary } from "./summary.js";

/** Everything that a report says of a load; what `--json` writes. */
export interface LoadReport {
  readonly url: string;
  readonly model: string;
  readonly startedAt: string;
  /** How the requests came: `poisson`, `concurrency` or `trace`, with what was asked for. */
  readonly arrivals: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly summary: Summary;
  readonly outcomes: readonly Outcome[];
}
