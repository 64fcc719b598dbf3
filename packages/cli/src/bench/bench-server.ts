import { WhittleError } from "@whittle/core";
import { type Clock } from "./clock.js";
import { type LoadReport } from "./load-report.js";
import { type ModelEntry, OpenAiServer } from "./openai-server.js";
import { type Outcome } from "./outcome.js";
import { planLoad, type PlanOptions } from "./plan-load.js";
import { type PlannedRequest } from "./planned-request.js";
import { Prompts } from "./prompts.js";
import { runClosedLoop, runOpenLoop, type Send } from "./run-load.js";
import { type Slo, summarise } from "./summary.js";

export interface BenchOptions extends PlanOptions {
  readonly url: string;
  readonly apiKey?: string;
  /** Default: the first that the server lists. */
  readonly model?: string;
  /** `/v1/chat/completions` instead of `/v1/completions`. */
  readonly chat: boolean;
  readonly temperature: number;
  readonly ignoreEos: boolean;
  readonly warmUp: number;
  readonly timeoutMs: number;
  /** Requests that are longer, prompt and answer together, are left out. Default: what the server says of the model. */
  readonly longest?: number;
  readonly slo: Slo;
}

export interface BenchContext {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  readonly onOutcome: (outcome: Outcome, total: number) => void;
}

/**
 * Puts a load on a server and measures it.
 * @throws WhittleError if the server cannot be reached, has no such model, or answers no request of the warm-up; ArgumentError for a trace that cannot be read.
 */
export async function benchServer(options: BenchOptions, context: BenchContext): Promise<LoadReport> {
  const { clock, signal, say } = context;
  const plan = await planLoad(options);
  const server = new OpenAiServer({ ...options, clock });
  const model = chooseModel(await server.models(), options.model);
  const longest = options.longest ?? model.max_model_len ?? Infinity;
  const requests = fitting(plan.requests, longest, say);
  const prompts = new Prompts(options.seed);
  const stream = (prompt: string, outputTokens: number, intendedMs: number, stop: AbortSignal) =>
    server.stream({ ...bodyOf(options, model.id, prompt, outputTokens), intendedMs, signal: stop });

  say(`${model.id} at ${options.url}: ${plan.arrivals}, ${requests.length} requests`);
  for (let index = 0; index < options.warmUp && !signal.aborted; index++) {
    // Before the first answer nobody knows how many tokens a word has: half of what fits, at most.
    const prompt = prompts.warmUp(Math.min(typical(requests), Math.ceil(longest / 2)), index);
    const { failure, promptTokens = 0 } = await stream(prompt, warmUpTokens, clock.now(), signal);
    if (failure && !signal.aborted)
      throw new WhittleError("bench_server", `the warm-up failed: ${failure.kind}: ${failure.message}`);
    prompts.calibrate(prompt, promptTokens);
  }
  const send: Send = (request, index, intendedMs, stop) =>
    stream(prompts.of(request, index), request.outputTokens, intendedMs, stop);
  const startedAt = new Date().toISOString();
  const load = {
    requests,
    send,
    clock,
    signal,
    onOutcome: (outcome: Outcome) => context.onOutcome(outcome, requests.length),
  };
  const outcomes =
    plan.concurrency === undefined ? await runOpenLoop(load) : await runClosedLoop(load, plan.concurrency);
  return {
    url: options.url,
    model: model.id,
    startedAt,
    arrivals: plan.arrivals,
    // The key is nobody's business.
    settings: { ...options, apiKey: undefined },
    summary: summarise(outcomes, options.slo),
    outcomes,
  };
}

const warmUpTokens = 8;
/** Prompts are of about as many tokens as they should be. */
const promptMargin = 1.1;

function chooseModel(models: readonly ModelEntry[], wanted: string | undefined): ModelEntry {
  const found = wanted === undefined ? models[0] : models.find(({ id }) => id === wanted);
  if (found) return found;
  const names = models.map(({ id }) => id).join(", ") || "none";
  throw new WhittleError("bench_server", `the server has no model ${wanted ?? "at all"}; it has: ${names}`);
}

function fitting(
  requests: readonly PlannedRequest[],
  longest: number,
  say: BenchContext["say"],
): readonly PlannedRequest[] {
  const kept = requests.filter(
    ({ promptTokens, outputTokens }) => promptTokens * promptMargin + outputTokens <= longest,
  );
  const left = requests.length - kept.length;
  if (left > 0) say(`${left} of ${requests.length} requests are left out: longer than ${longest} tokens`);
  if (kept.length === 0) throw new WhittleError("bench_server", "no request is left to send");
  return kept;
}

/** The median prompt: a warm-up text as long as most. */
function typical(requests: readonly PlannedRequest[]): number {
  return requests.map(({ promptTokens }) => promptTokens).sort((a, b) => a - b)[Math.floor(requests.length / 2)]!;
}

function bodyOf(
  { chat, temperature, ignoreEos }: BenchOptions,
  model: string,
  prompt: string,
  outputTokens: number,
): { path: string; body: Record<string, unknown> } {
  return {
    path: chat ? "chat/completions" : "completions",
    body: {
      model,
      ...(chat ? { messages: [{ role: "user", content: prompt }] } : { prompt }),
      max_tokens: outputTokens,
      temperature,
      ...(ignoreEos && { ignore_eos: true }),
    },
  };
}
