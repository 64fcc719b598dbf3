import { type CacheFactory, type SchedulerPolicy } from "@whittle/core";
import { BatchingEngine } from "./engine/batching-engine.js";
import { type RequestEvent, type StepEvent } from "./events.js";
import { type Completion, type GenerateRequest, type Generation } from "./request.js";
import { type ServedModel } from "./served-model.js";

/** What an engine may use. */
export interface EngineLimits {
  /** Rows (tokens) in one step, of all requests together; a longer prompt is read in chunks. Default: 128. */
  maxRows?: number;
  /** Bytes for keys and values. Default: what `maxSequences` full contexts need, but at most 1 GiB (or one full context) and half of what the device has free. */
  cacheBytes?: number;
  /** Requests that run at once; more wait. Default: 32. */
  maxSequences?: number;
  /** Tokens that one request may have, prompt included. Default: the model's own limit. Never more than the cache holds. */
  maxContext?: number;
  /** Requests that may wait; one more is refused with `Overloaded`. Default: 1024. */
  maxWaiting?: number;
}

export interface EngineOptions extends EngineListener {
  model: ServedModel;
  /** Default: `floatCache()`. */
  cache?: CacheFactory;
  /** Default: `firstComeFirstServed`. */
  policy?: SchedulerPolicy;
  limits?: EngineLimits;
}

/** Hears what an engine does, as it does it: no function of it may take long, and what one throws becomes a warning of the process. */
export interface EngineListener {
  /** Called for each thing that happens to a request. */
  onEvent?: (event: RequestEvent) => void;
  /** Called after each step. */
  onStep?: (event: StepEvent) => void;
}

/** Counts since the engine began, and what it holds now. */
export interface EngineStats {
  readonly running: number;
  readonly waiting: number;
  /** Blocks of the cache. Those that only cached prompts hold are free. */
  readonly blocks: { readonly free: number; readonly total: number };
  /** Tokens that one block holds. */
  readonly blockRows: number;
  readonly steps: number;
  readonly failedSteps: number;
  readonly preemptions: number;
  /** Rows computed for prompts (also again, after a preemption). */
  readonly promptTokens: number;
  readonly generatedTokens: number;
  readonly finishedRequests: number;
  /** Tokens of all prompts that were looked up in the cache, and those of them that were there. */
  readonly prefixQueries: number;
  readonly prefixHits: number;
  /** Blocks whose cached content was given up for others. */
  readonly evictions: number;
}

/** Runs many requests over one model and one cache, mixed in the same steps. */
export interface Engine {
  /** The model's name. */
  readonly name: string;
  readonly model: ServedModel;
  /** Tokens that one request may have, prompt included. */
  readonly contextLength: number;
  /** Whether it takes requests. */
  readonly accepting: boolean;
  /**
   * Submits a request; its pieces come as they are made.
   * @throws RequestError, ContextOverflow, Overloaded, EngineClosed at the call; iterating throws what made the request fail (`DeviceError`, `DeviceLost`, `EngineClosed`).
   */
  generate(request: GenerateRequest): Generation;
  /**
   * Several answers to one request, each drawn on its own: choice i with the random numbers of (seed, i), the first as `generate` draws it. The prompt is
   * computed once. Each of them takes a place among those that run and wait.
   * @throws as `generate` does; RequestError if `count` is not an integer of at least 1
   */
  generateMany(request: GenerateRequest, count: number): Generation[];
  /** Submits a request and gathers its answer. Rejects as `generate` throws. */
  complete(request: GenerateRequest): Promise<Completion>;
  stats(): EngineStats;
  /** Lets another one hear what happens from now on, besides the options' functions; gives back how to end that. */
  listen(listener: EngineListener): () => void;
  /** Takes no more requests, waits for those under way (or, with `abort`, ends them with `EngineClosed`), and gives the cache's memory back. The model stays open. */
  close(options?: { abort?: boolean }): Promise<void>;
}

/**
 * Starts an engine: takes the cache's memory at once, and runs steps whenever there is work.
 * @throws ArgumentError, OutOfMemory
 * @example
 * ```ts
 * const engine = createEngine({ model: await loadModel("./model", { device }) });
 * for await (const piece of engine.generate({ prompt: "Once upon a time" })) process.stdout.write(piece.text);
 * await engine.close();
 * ```
 */
export function createEngine(options: EngineOptions): Engine {
  return new BatchingEngine(options);
}
