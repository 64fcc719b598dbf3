import { type CacheFactory } from "@whittle/core";
import { kernelTimes } from "@whittle/kernels";
import { type LoadedModel } from "@whittle/models";
import { createEngine, type RequestEvent } from "@whittle/serving";
import { mainThreadUs } from "../engine-cost/main-thread.js";

const PROMPT_TOKENS = 8;

/** Microseconds of a decode step. */
export interface StepCosts {
  readonly stepUs: number;
  /** Of it, the time in which the device's queue was inside a kernel. */
  readonly kernelUs: number;
  /** Work of the thread of JavaScript, most of it beside the kernels. */
  readonly javaScriptUs: number;
}

/** Lets an engine answer `sequences` requests of `steps` tokens each; gives the mean of the steps in which all of them decode. */
export async function measureSteps(
  model: LoadedModel,
  { steps, sequences, cache }: { steps: number; sequences: number; cache?: CacheFactory },
): Promise<StepCosts> {
  let answering = 0;
  const now = () => ({
    steps: engine.stats().steps,
    timeMs: performance.now(),
    kernelNs: kernelTimes(model.device).nanoseconds,
    threadUs: mainThreadUs(),
  });
  let [begin, end]: (ReturnType<typeof now> | undefined)[] = [];
  const onEvent = ({ type }: RequestEvent): void => {
    if (type === "firstToken" && ++answering === sequences) begin = now();
    if (type === "finished") end ??= now();
  };
  const engine = createEngine({ model, limits: { maxSequences: sequences }, onEvent, ...(cache && { cache }) });
  const prompt = (n: number) =>
    Array.from({ length: PROMPT_TOKENS }, (_, i) => 1 + ((i * 37 + n * 101) % (model.model.shape.vocabSize - 1)));
  await Promise.all(
    Array.from({ length: sequences }, (_, n) =>
      engine.complete({ prompt: prompt(n), maxTokens: steps, ignoreEos: true, temperature: 0.8, topP: 0.95, seed: n }),
    ),
  );
  await engine.close();
  const count = end!.steps - begin!.steps;
  return {
    stepUs: (1000 * (end!.timeMs - begin!.timeMs)) / count,
    kernelUs: (end!.kernelNs - begin!.kernelNs) / 1000 / count,
    javaScriptUs: (end!.threadUs - begin!.threadUs) / count,
  };
}
