import { type KVCache } from "@whittle/core";
import { floatCache } from "@whittle/kvcache";
import { type Engine, type EngineListener, type EngineOptions, type EngineStats } from "../engine.js";
import { EngineClosed, Overloaded } from "../errors.js";
import { type RequestEvent, type StepEvent } from "../events.js";
import { firstComeFirstServed } from "../policies/first-come-first-served.js";
import { type Completion, type GenerateRequest, type Generation } from "../request.js";
import { endTokenIds, type ServedModel } from "../served-model.js";
import { Answers } from "./answers.js";
import { checkNumber } from "./check-number.js";
import { defaultCacheBytes } from "./cache-bytes.js";
import { gather } from "./gather.js";
import { longestSequence, resolveLimits, rowsOfBlock } from "./limits.js";
import { PromptScores } from "./prompt-scores.js";
import { type ResolvedRequest, resolveRequest } from "./resolve-request.js";
import { Scheduler } from "./scheduler.js";
import { Sequence } from "./sequence.js";
import { StepLoop } from "./step-loop.js";
import { StepRunner } from "./step-runner.js";

/** The engine's public face: takes requests in, hands them to the loop, closes. */
export class BatchingEngine implements Engine {
  readonly model: ServedModel;
  readonly contextLength: number;
  private readonly cache: KVCache;
  private readonly blockRows: number;
  private readonly scheduler: Scheduler;
  private readonly runner: StepRunner;
  private readonly answers: Answers;
  private readonly loop: StepLoop;
  private readonly endIds: ReadonlySet<number>;
  private readonly mostRequests: number;
  private submitted = 0;
  private preemptions = 0;
  private closing: Promise<void> | undefined;
  private readonly listeners: Set<EngineListener>;

  constructor(options: EngineOptions) {
    this.listeners = new Set([options]);
    const { model, cache = floatCache(), policy = firstComeFirstServed } = options;
    const { device } = model;
    const { layers, maxPositions } = model.model.shape;
    const limits = resolveLimits(options.limits ?? {}, maxPositions);
    const { maxRows: rows, maxSequences: sequences, maxContext } = limits;
    this.model = model;
    this.endIds = endTokenIds(model);
    this.mostRequests = sequences + limits.maxWaiting;
    this.cache = cache(layers, device, limits.cacheBytes ?? defaultCacheBytes(layers, device, sequences, maxContext));
    this.contextLength = longestSequence(this.cache, maxContext);
    this.runner = new StepRunner(device, model.model, this.cache, { rows, sequences });
    const blockRows = rowsOfBlock(this.cache, maxContext);
    this.blockRows = blockRows;
    this.scheduler = new Scheduler(this.cache, policy, { rows, sequences, blockRows }, this.hooks());
    this.answers = new Answers(this.scheduler, {
      onEvent: (event) => this.emit(event),
      onStep: (event) => this.emitStep(event),
    });
    this.loop = new StepLoop(this.scheduler, this.runner, this.cache, this.answers);
  }

  get name(): string {
    return this.model.name;
  }

  get accepting(): boolean {
    return this.closing === undefined && this.loop.fatal === undefined;
  }

  generate(request: GenerateRequest): Generation {
    return this.generateMany(request, 1)[0]!;
  }

  generateMany(request: GenerateRequest, count: number): Generation[] {
    checkNumber("count", count, { integer: true, min: 1 });
    if (this.closing) throw new EngineClosed();
    if (this.loop.fatal !== undefined) throw this.loop.fatal;
    if (this.scheduler.runningCount + this.scheduler.waitingCount + count > this.mostRequests)
      throw new Overloaded(this.scheduler.waitingCount);
    const resolved = resolveRequest(request, this.model, this.contextLength);
    const { promptLogprobs } = resolved.parameters;
    const scores = promptLogprobs === undefined ? undefined : new PromptScores(resolved.prompt, promptLogprobs);
    const [first, ...others] = Array.from({ length: count }, (_, choice) => this.sequenceOf(resolved, choice, scores));
    for (const other of others) other.leader = first;
    first!.followers = others;
    return [first!, ...others].map((sequence) => this.submit(sequence));
  }

  async complete(request: GenerateRequest): Promise<Completion> {
    return gather(this.generate(request));
  }

  stats(): EngineStats {
    const { runningCount: running, waitingCount: waiting } = this.scheduler;
    return {
      running,
      waiting,
      blocks: this.cache.capacity(),
      blockRows: this.blockRows,
      preemptions: this.preemptions,
      ...this.loop.counts,
      ...this.answers.counts,
      ...(this.cache.stats?.() ?? { prefixQueries: 0, prefixHits: 0, evictions: 0 }),
    };
  }

  listen(listener: EngineListener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  close({ abort = false }: { abort?: boolean } = {}): Promise<void> {
    if (abort) this.loop.stop(new EngineClosed("the engine was closed before the request ended"));
    this.closing ??= this.shutDown();
    return this.closing;
  }

  private async shutDown(): Promise<void> {
    await this.loop.idle();
    this.runner.dispose();
    this.cache.dispose();
  }

  private submit(sequence: Sequence): Generation {
    const { requestId, promptTokens, arrivalMs } = sequence;
    this.scheduler.add(sequence);
    this.emit({ type: "queued", requestId, timeMs: arrivalMs, promptTokens });
    this.loop.wake();
    return {
      id: requestId,
      promptTokens,
      parameters: sequence.request.parameters,
      cancel: () => sequence.cancel(),
      [Symbol.asyncIterator]: () => sequence.stream,
    };
  }

  private sequenceOf(request: ResolvedRequest, choice: number, scores: PromptScores | undefined): Sequence {
    const detokenizer = this.model.tokenizer.detokenizer({ after: request.prompt, show: request.showTokens });
    return new Sequence({
      id: this.submitted++,
      queuedMs: performance.now(),
      request,
      choice,
      ...(scores && { scores }),
      endIds: this.endIds,
      detokenizer,
    });
  }

  private hooks() {
    return {
      onScheduled: ({ requestId, clock, computedTokens }: Sequence) => {
        const timeMs = performance.now();
        clock.scheduled(timeMs);
        this.emit({ type: "scheduled", requestId, timeMs, cachedTokens: computedTokens });
      },
      onPreempted: ({ requestId, clock }: Sequence) => {
        this.preemptions++;
        clock.preemptions++;
        this.emit({ type: "preempted", requestId, timeMs: performance.now() });
      },
    };
  }

  private emit(event: RequestEvent): void {
    for (const { onEvent } of this.listeners) this.tell(onEvent, event);
  }

  private emitStep(event: StepEvent): void {
    for (const { onStep } of this.listeners) this.tell(onStep, event);
  }

  private tell<T>(listener: ((event: T) => void) | undefined, event: T): void {
    try {
      listener?.(event);
    } catch (error) {
      // A listener's fault is not the requests' fault, but it must be seen.
      process.emitWarning(error instanceof Error ? error : String(error));
    }
  }
}
