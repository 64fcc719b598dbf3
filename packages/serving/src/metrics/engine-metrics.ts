import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { type Engine } from "../engine.js";
import { type RequestEvent, type StepEvent } from "../events.js";
import { FIRST_TOKEN_SECONDS, REQUEST_SECONDS, requestTokens, STEP_TOKENS, TOKEN_GAP_SECONDS } from "./buckets.js";

type Finished = Extract<RequestEvent, { type: "finished" }>;

/** Names after `whittle:` (and `vllm:`), meanings as vLLM has them. */
function definitions(registry: Registry, longest: number) {
  const labelNames = ["model_name"];
  const registers = [registry];
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name: `whittle:${name}`, help, buckets, labelNames, registers });
  const counter = (name: string, help: string, labels: string[] = []) =>
    new Counter({ name: `whittle:${name}`, help, labelNames: [...labelNames, ...labels], registers });
  const gauge = (name: string, help: string, labels: string[] = []) =>
    new Gauge({ name: `whittle:${name}`, help, labelNames: [...labelNames, ...labels], registers });
  return {
    running: gauge("num_requests_running", "Requests that hold a place in the cache."),
    waiting: gauge("num_requests_waiting", "Requests that wait for one."),
    cacheUsage: gauge("kv_cache_usage_perc", "Share of the cache's blocks that are in use; 1 is all of them."),
    cacheConfig: gauge("cache_config_info", "The cache's size; always 1.", ["block_size", "num_gpu_blocks"]),
    preemptions: counter("num_preemptions_total", "Requests whose blocks were given to an older one."),
    promptTokens: counter("prompt_tokens_total", "Tokens of prompts of requests that ended."),
    generationTokens: counter("generation_tokens_total", "Tokens that were generated."),
    prefixQueries: counter("prefix_cache_queries_total", "Tokens of prompts that were looked up in the cache."),
    prefixHits: counter("prefix_cache_hits_total", "Tokens of prompts that the cache held."),
    success: counter("request_success_total", "Requests that ended, by the reason.", ["finished_reason"]),
    firstToken: histogram(
      "time_to_first_token_seconds",
      "From a request's arrival to its first token.",
      FIRST_TOKEN_SECONDS,
    ),
    tokenGap: histogram("inter_token_latency_seconds", "Between two tokens of one request.", TOKEN_GAP_SECONDS),
    total: histogram("e2e_request_latency_seconds", "From a request's arrival to its end.", REQUEST_SECONDS),
    queue: histogram("request_queue_time_seconds", "From a request's arrival to its first step.", REQUEST_SECONDS),
    prefill: histogram(
      "request_prefill_time_seconds",
      "From a request's first step to its first token.",
      REQUEST_SECONDS,
    ),
    decode: histogram("request_decode_time_seconds", "From a request's first token to its last.", REQUEST_SECONDS),
    inference: histogram(
      "request_inference_time_seconds",
      "From a request's first step to its last token.",
      REQUEST_SECONDS,
    ),
    requestPrompt: histogram("request_prompt_tokens", "Tokens of a request's prompt.", requestTokens(longest)),
    requestGeneration: histogram(
      "request_generation_tokens",
      "Tokens that a request was given.",
      requestTokens(longest),
    ),
    stepTokens: histogram("iteration_tokens_total", "Rows of one step.", STEP_TOKENS),
  };
}

/** What the engines behind one API do, for Prometheus. */
export class EngineMetrics {
  private readonly metrics: ReturnType<typeof definitions>;
  private readonly unlisten: (() => void)[];

  constructor(
    registry: Registry,
    private readonly engines: readonly Engine[],
  ) {
    this.metrics = definitions(registry, Math.max(...engines.map(({ contextLength }) => contextLength)));
    this.unlisten = engines.map((engine) => this.watch(engine));
  }

  /** Writes what is true now, before it is read. */
  collect(): void {
    const { running, waiting, cacheUsage, cacheConfig } = this.metrics;
    for (const engine of this.engines) {
      const { blocks, blockRows, ...counts } = engine.stats();
      const labels = { model_name: engine.name };
      running.set(labels, counts.running);
      waiting.set(labels, counts.waiting);
      cacheUsage.set(labels, blocks.total === 0 ? 0 : 1 - blocks.free / blocks.total);
      cacheConfig.set({ ...labels, block_size: String(blockRows), num_gpu_blocks: String(blocks.total) }, 1);
    }
  }

  close(): void {
    for (const stop of this.unlisten) stop();
  }

  private watch(engine: Engine): () => void {
    const { metrics } = this;
    const labels = { model_name: engine.name };
    const [gaps, tokens] = [metrics.tokenGap.labels(labels), metrics.generationTokens.labels(labels)];
    const steps = metrics.stepTokens.labels(labels);
    // So that rates have a beginning.
    for (const counter of [metrics.preemptions, metrics.promptTokens, metrics.prefixQueries, metrics.prefixHits])
      counter.inc(labels, 0);
    for (const reason of ["stop", "length", "abort"]) metrics.success.inc({ ...labels, finished_reason: reason }, 0);
    return engine.listen({
      onEvent: (event) => {
        if (event.type === "token") gaps.observe(event.gapMs / 1000);
        else if (event.type === "preempted") metrics.preemptions.inc(labels);
        else if (event.type === "finished") this.finished(event, labels);
      },
      onStep: ({ rows, generatedTokens }: StepEvent) => {
        steps.observe(rows);
        tokens.inc(generatedTokens);
      },
    });
  }

  private finished(
    { reason, promptTokens, cachedTokens, completionTokens, timings }: Finished,
    labels: { model_name: string },
  ): void {
    const { metrics } = this;
    metrics.success.inc({ ...labels, finished_reason: reason });
    metrics.promptTokens.inc(labels, promptTokens);
    metrics.prefixQueries.inc(labels, promptTokens);
    metrics.prefixHits.inc(labels, cachedTokens);
    metrics.requestPrompt.observe(labels, promptTokens);
    metrics.requestGeneration.observe(labels, completionTokens);
    const seconds: [Histogram, number | undefined][] = [
      [metrics.firstToken, timings.firstTokenMs],
      [metrics.queue, timings.queueMs],
      [metrics.prefill, timings.prefillMs],
      [metrics.decode, timings.decodeMs],
      [metrics.inference, timings.inferenceMs],
      [metrics.total, timings.totalMs],
    ];
    for (const [histogram, ms] of seconds) if (ms !== undefined) histogram.observe(labels, ms / 1000);
  }
}
