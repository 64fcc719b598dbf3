import { WhittleError } from "@whittle/core";

/** A schema or pattern that cannot be made a grammar of: `path` is where in it, the message what came and what is understood. */
export class GrammarError extends WhittleError {
  readonly path: string;

  constructor(path: string, reason: string) {
    super("grammar", reason);
    this.path = path;
  }
}
