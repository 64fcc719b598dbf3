import { fileURLToPath } from "node:url";
import { cpu } from "@whittle/kernels";
import { loadModel } from "@whittle/models";
import { createEngine } from "@whittle/serving";
import { expect, test } from "vitest";

const books = fileURLToPath(new URL("../../../models/books-5m", import.meta.url));
const TEXT = "It was late when the two of them reached the old house on the hill, and the rain had not stopped.";

test("log-probabilities of a prompt on cpu() are those of drawing its tokens, however it is cut", async () => {
  const device = await cpu();
  const model = await loadModel(books, { device });
  const prompt = model.tokenizer.encode(TEXT);
  const scores: number[][] = [];
  for (const maxRows of [128, 7]) {
    const engine = createEngine({ model, limits: { maxRows } });
    const { promptLogprobs } = await engine.complete({ prompt, maxTokens: 0, promptLogprobs: 1 });
    expect(promptLogprobs!.map((one) => one?.token)).toEqual([undefined, ...prompt.slice(1)]);
    scores.push(promptLogprobs!.slice(1).map((one) => one!.logprob));
    await engine.close();
  }
  expect(scores[1]).toEqual(scores[0]);
  const engine = createEngine({ model });
  const drawn = Array.from(prompt.slice(1), async (id, before) => {
    const request = {
      prompt: prompt.slice(0, before + 1),
      maxTokens: 1,
      temperature: 0,
      logprobs: 0,
      logitBias: { [id]: 100 },
    };
    return (await engine.complete(request)).logprobs![0]!.logprob;
  });
  expect(scores[0]).toEqual(await Promise.all(drawn));
  await engine.close();
  model.dispose();
  expect(device.memory().live).toBe(0);
  await device.close();
});
