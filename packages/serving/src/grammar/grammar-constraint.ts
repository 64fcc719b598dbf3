import { setImmediate as nextTurn } from "node:timers/promises";
import { WhittleError } from "@whittle/core";
import { type TokenConstraint } from "../token-constraint.js";
import { type AcceptCall, HEAD_WORDS, type StopCall } from "./grammar-calls.js";

/** A mask takes a thread some microseconds; one that does not come at all must not hold up the engine. */
const LATEST_MS = 2000;

/** Follows a grammar through one answer. The masks are made on another thread while the device computes, and read from memory that both share. */
export class GrammarConstraint implements TokenConstraint {
  private readonly words: Int32Array;
  private turn = 0;
  private disposed = false;

  constructor(
    private readonly matcher: number,
    shared: SharedArrayBuffer,
    private readonly tell: (call: AcceptCall | StopCall) => void,
  ) {
    this.words = new Int32Array(shared);
  }

  /** The mask is seldom late, so it is looked for turn by turn, between which others have theirs. Rejects with a WhittleError if the thread is gone. */
  ready(): Promise<void> | undefined {
    return this.isMade() ? undefined : this.waitForMask();
  }

  /** @throws WhittleError if the grammar refused what it had allowed */
  allow(into: Int32Array): boolean {
    const { words } = this;
    if (Atomics.load(words, 1) !== 0)
      throw new WhittleError("grammar", "the grammar did not take a token that it had allowed");
    into.set(words.subarray(HEAD_WORDS, HEAD_WORDS + into.length));
    return true;
  }

  accept(token: number): void {
    if (!this.disposed) this.tell({ type: "accept", matcher: this.matcher, token, turn: ++this.turn });
  }

  /** The answer is over. Safe to call twice. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.tell({ type: "stop", matcher: this.matcher });
  }

  private isMade(): boolean {
    return Atomics.load(this.words, 0) === this.turn;
  }

  private async waitForMask(): Promise<void> {
    const latest = performance.now() + LATEST_MS;
    while (!this.isMade()) {
      if (performance.now() > latest) throw new WhittleError("grammar", "the grammar's thread does not answer");
      await nextTurn();
    }
  }
}
