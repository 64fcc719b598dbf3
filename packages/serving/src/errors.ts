import { WhittleError } from "@whittle/core";

/** A request that cannot be served as it is: `param` names the field, the message says what came and what was expected. */
export class RequestError extends WhittleError {
  readonly param: string | undefined;

  constructor(param: string | undefined, message: string, code = "invalid_request") {
    super(code, message);
    this.param = param;
  }
}

/** Prompt and wanted tokens do not fit the context. Nothing is ever cut off in silence. */
export class ContextOverflow extends RequestError {
  constructor(param: string, promptTokens: number, maxTokens: number | undefined, contextLength: number) {
    const wanted =
      maxTokens === undefined
        ? "leaves no room for an answer"
        : `with ${maxTokens} more wanted makes ${promptTokens + maxTokens}`;
    super(
      param,
      `the context is ${contextLength} tokens, but a prompt of ${promptTokens} tokens ${wanted}`,
      "context_length_exceeded",
    );
  }
}

/** As many requests wait as the engine is allowed to keep; try again later. */
export class Overloaded extends WhittleError {
  constructor(waiting: number) {
    super("overloaded", `${waiting} requests are waiting already, which is the engine's limit; try again later`);
  }
}

/** The engine takes no more requests, or was closed while this one ran. */
export class EngineClosed extends WhittleError {
  constructor(reason = "the engine is closed") {
    super("engine_closed", reason);
  }
}

/** The request took longer than its `timeoutMs`. What it generated before was given. */
export class DeadlineExceeded extends WhittleError {
  constructor(timeoutMs: number, generatedTokens: number) {
    super(
      "deadline_exceeded",
      `the request's limit of ${timeoutMs} ms is over, with ${generatedTokens} tokens generated`,
    );
  }
}

/** A request's constraint allows no token at all, so that its answer can neither go on nor end. */
export class NoTokenAllowed extends WhittleError {
  constructor() {
    super("no_token_allowed", "the request's constraint allows no token to follow, not even the end of the text");
  }
}
