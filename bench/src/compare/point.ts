import { type ShapeName } from "../shared/random-checkpoint.js";
import { type Format } from "./plan.js";
import { type Limits } from "./side.js";

export interface Rate {
  readonly tokensPerSecond: number;
  /** Least possible time, by the machine's limits of the same run, over the time taken. */
  readonly fraction: number;
}

/** One kind of work, ours and of all peers that can do it. */
export interface Versus {
  readonly whittle: Rate;
  readonly peers: readonly PeerRate[];
}

export interface PeerRate extends Rate {
  readonly peer: string;
  /** Which of its ways was the fastest, and is what is compared. */
  readonly way: string;
  /** Our tokens per second over its own. */
  readonly ratio: number;
  /** What that should be, where issue 5 says so. */
  readonly goal?: number;
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
  /** Beside the first peer that has it. */
  readonly "first-token"?: { readonly whittle: FreshStart; readonly peer: FreshStart };
}

/** All figures of one shape in one format. */
export interface Point {
  readonly shape: ShapeName;
  readonly format: Format;
  readonly date: string;
  readonly rounds: number;
  readonly fileBytes: number;
  readonly sameTokens: readonly SameTokens[];
  /** Medians of all rounds. */
  readonly limits: Limits;
  readonly figures: PointFigures;
}

/** How far a peer and we give the same greedy ids after the same prompt. */
export interface SameTokens {
  readonly peer: string;
  readonly compared: number;
  readonly agree: number;
  /** At the first difference: how far apart our two most probable ids are, in natural logarithms of their probability. */
  readonly gap?: number;
}
