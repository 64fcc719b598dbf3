/** How Whittle's side is set up. */
export interface WhittleSettings {
  /** A GGUF file. */
  readonly model: string;
  readonly threads: number;
  readonly sequences: number;
  /** Of one sequence. */
  readonly contextTokens: number;
  /** Of all sequences together. */
  readonly cacheTokens: number;
}

/** How the side of a peer in Node is set up. */
export interface PeerSettings {
  /** A GGUF file, or an ONNX one. */
  readonly model: string;
  readonly contexts: readonly PeerContext[];
}

/** A way to run the model. */
export interface PeerContext {
  readonly name: string;
  readonly threads: number;
  readonly sequences: number;
}

/** A context of node-llama-cpp. */
export interface LlamaCppContext extends PeerContext {
  /** Of each sequence. */
  readonly contextTokens: number;
  readonly flashAttention: boolean;
}
