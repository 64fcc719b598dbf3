import { mainThreadUs } from "./main-thread.js";
import { type LoadedModel } from "@whittle/models";
import { createEngine, type RequestEvent } from "@whittle/serving";

const PROMPT_TOKENS = 8;

/** Microseconds of an engine's decode step while `sequences` requests run, and those of it in which JavaScript works. */
export async function engineSteps(
  model: LoadedModel,
  sequences: number,
  tokens: number,
): Promise<{ stepUs: number; javaScriptUs: number }> {
  let answering = 0;
  let [begin, end]: ({ steps: number; timeMs: number; threadUs: number } | undefined)[] = [];
  const now = () => ({ steps: engine.stats().steps, timeMs: performance.now(), threadUs: mainThreadUs() });
  const onEvent = ({ type }: RequestEvent): void => {
    if (type === "firstToken" && ++answering === sequences) begin = now();
    if (type === "finished") end ??= now();
  };
  const engine = createEngine({
    model,
    limits: { maxSequences: sequences },
    onEvent,
  });
  const prompt = (n: number) =>
    Array.from({ length: PROMPT_TOKENS }, (_, i) => 1 + ((i * 37 + n * 101) % (model.model.shape.vocabSize - 1)));
  await Promise.all(
    Array.from({ length: sequences }, (_, n) =>
      engine.complete({ prompt: prompt(n), maxTokens: tokens, ignoreEos: true, temperature: 0.8, topP: 0.95, seed: n }),
    ),
  );
  await engine.close();
  const steps = end!.steps - begin!.steps;
  return {
    stepUs: (1000 * (end!.timeMs - begin!.timeMs)) / steps,
    javaScriptUs: (end!.threadUs - begin!.threadUs) / steps,
  };
}
