import { type ShapeName } from "../shared/random-checkpoint.js";
import { type Format } from "./plan.js";
import { type Limits } from "./side.js";

export interface Rate {
  readonly tokensPerSecond: number;
  /** Least possible time, by the machine's limits of the same run, over the time taken. */
  readonly fraction: number;
}

/** One kind of work on both sides. */
export interface Versus {
  readonly whittle: Rate;
  /** `way`: which of its ways was the fastest, and is what is compared. */
  readonly peer: Rate & { readonly way: string };
  readonly ratio: number;
  readonly goal: number;
}

/** A fresh process with a file that the system has in memory. */
export interface FreshStart {
  /** From its start to its first token. */
  readonly firstTokenMs: number;
  /** The most memory that it had while it loaded, read a prompt of 512 tokens and decoded 32. */
  readonly peakBytes: number;
}

export interface PointFigures {
  readonly prefill?: Versus;
  readonly decode?: Versus;
  readonly batch?: Versus;
  readonly rows?: readonly (Rate & { readonly rows: number })[];
  readonly "first-token"?: { readonly whittle: FreshStart; readonly peer: FreshStart };
}

/** All figures of one shape in one format. */
export interface Point {
  readonly shape: ShapeName;
  readonly format: Format;
  readonly date: string;
  readonly rounds: number;
  readonly fileBytes: number;
  readonly sameTokens: SameTokens;
  /** Medians of all rounds. */
  readonly limits: Limits;
  readonly figures: PointFigures;
}

/** How far both sides give the same greedy ids after the same prompt. */
export interface SameTokens {
  readonly compared: number;
  readonly agree: number;
  /** At the first difference: how far apart our two most probable ids are, in natural logarithms of their probability. */
  readonly gap?: number;
}
