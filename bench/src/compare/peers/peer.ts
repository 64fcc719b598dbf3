import { type ShapeName } from "../../shared/random-checkpoint.js";
import { type Effort, type Format, type VersusName } from "../plan.js";
import { type Asked } from "../side.js";

/** Something that Whittle is measured beside. */
export interface Peer {
  readonly name: string;
  readonly formats: readonly Format[];
  readonly works: readonly VersusName[];
  /** Whether its greedy ids and its fresh start can be had, and not only its rates. */
  readonly streams: boolean;
  /** Gets it ready for this run; says why if that can't be done here. */
  prepare(): string | undefined;
  /** How it may do a work; the fastest one counts. */
  ways(work: VersusName, effort: Effort): readonly string[];
  /** What our tokens per second should be over its own, if issue 5 says so. */
  goal(work: VersusName, shape: ShapeName, format: Format): number | undefined;
  /** Opens the model of a GGUF file, to be run in these ways. */
  start(model: PeerModel, ways: readonly string[]): Promise<Asked>;
}

export interface PeerModel {
  /** A GGUF file. */
  readonly file: string;
  readonly shape: ShapeName;
  readonly format: Format;
}
