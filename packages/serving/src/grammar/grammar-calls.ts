/** What a grammar thread must know of a model. */
export interface Vocabulary {
  /** Names it among the thread's. */
  readonly key: string;
  /** Where its tokenizer is loaded from … */
  readonly path?: string;
  /** … or else its tokens, in the spelling of `byteLevel`; "" for those that show nothing. */
  readonly tokens?: readonly string[];
  readonly size: number;
  readonly endIds: readonly number[];
}

/** Starts a matcher of a grammar: the reply comes once its first mask lies in `shared`. */
export interface StartCall {
  readonly type: "start";
  readonly matcher: number;
  readonly grammar: string;
  readonly vocabulary: Vocabulary;
  /** `[turn, failed, …mask]`, i32. */
  readonly shared: SharedArrayBuffer;
}

/** A token came: the mask of the next one is the `turn`th. */
export interface AcceptCall {
  readonly type: "accept";
  readonly matcher: number;
  readonly token: number;
  readonly turn: number;
}

export interface StopCall {
  readonly type: "stop";
  readonly matcher: number;
}

export type GrammarCall = StartCall | AcceptCall | StopCall;

/** Words before the mask. */
export const HEAD_WORDS = 2;
