import { afterAll, describe, expect, it } from "vitest";
import { createEngine } from "../engine.js";
import { post, postJson, readChunks } from "../testing/http.js";
import { randomModel } from "../testing/toy-models.js";
import { createHandler } from "./create-handler.js";

const path = "/v1/completions";
const engine = createEngine({ model: randomModel(4) });
const handler = createHandler(engine);
const ask = async (fields: object) => {
  const { status, json } = await postJson(handler, path, { model: "toy", temperature: 0, echo: true, ...fields });
  expect({ status, error: json.error }).toEqual({ status: 200, error: undefined });
  return json;
};
afterAll(() => engine.close());

interface Logprobs {
  tokens: string[];
  token_logprobs: (number | null)[];
  top_logprobs: (Record<string, number> | null)[];
  text_offset: number[];
}

describe("log-probabilities of a prompt that is echoed", () => {
  it("come before those of the answer, the first is null", async () => {
    const { choices, usage, whittle } = await ask({ prompt: "a dark and", max_tokens: 3, logprobs: 2 });
    const { text, logprobs } = choices[0] as { text: string; logprobs: Logprobs };
    expect(text.startsWith("a dark and")).toBe(true);
    expect(usage).toMatchObject({ prompt_tokens: 10, completion_tokens: 3 });
    expect(whittle.parameters).toMatchObject({ logprobs: 2, prompt_logprobs: 2 });
    expect(Object.values(logprobs).map((list) => list.length)).toEqual([13, 13, 13, 13]);
    expect(logprobs.tokens.slice(0, 10)).toEqual([..."a dark and"]);
    expect(logprobs.text_offset.slice(0, 11)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect([logprobs.token_logprobs[0], logprobs.top_logprobs[0]]).toEqual([null, null]);
    for (const [i, logprob] of logprobs.token_logprobs.entries()) {
      if (i === 0) continue;
      const top = logprobs.top_logprobs[i]!;
      expect(Object.keys(top)).toHaveLength(2);
      expect(logprob).toBeLessThanOrEqual(Math.max(...Object.values(top)));
      expect(Object.values(top).includes(logprob!)).toBe(Object.keys(top).includes(logprobs.tokens[i]!));
    }
  });

  it("are those that the same tokens have as an answer", async () => {
    const { choices: drawn } = await ask({ prompt: "abc", max_tokens: 3, min_tokens: 3, logprobs: 1, echo: false });
    const { choices: scored } = await ask({ prompt: `abc${drawn[0].text}`, max_tokens: 0, logprobs: 1 });
    const part = (list: unknown[]) => list.slice(-drawn[0].logprobs.tokens.length);
    // An answer of whole characters can be sent again as a prompt of the same tokens.
    expect(part(scored[0].logprobs.tokens)).toEqual(drawn[0].logprobs.tokens);
    expect(part(scored[0].logprobs.token_logprobs)).toEqual(drawn[0].logprobs.token_logprobs);
    expect(part(scored[0].logprobs.top_logprobs)).toEqual(drawn[0].logprobs.top_logprobs);
  });

  it("need no answer, as those who score texts ask it: batches of texts and of ids", async () => {
    const ids = ["first", "the other"].map((text) => [...new TextEncoder().encode(text)]);
    const texts = await ask({ prompt: ["first", "the other"], max_tokens: 0, logprobs: 1 });
    expect((await ask({ prompt: ids, max_tokens: 0, logprobs: 1 })).choices).toEqual(texts.choices);
    expect(texts.choices.map((choice: { text: string }) => choice.text)).toEqual(["first", "the other"]);
    expect(texts.choices.map((choice: { finish_reason: string }) => choice.finish_reason)).toEqual([
      "length",
      "length",
    ]);
    expect(texts.usage).toMatchObject({ prompt_tokens: 14, completion_tokens: 0, total_tokens: 14 });
    // lm-eval's way: one token more than is scored, which it drops.
    const [choice] = (await ask({ prompt: "the other", max_tokens: 1, logprobs: 1 })).choices;
    expect(choice.logprobs.token_logprobs.slice(0, -1)).toEqual(texts.choices[1].logprobs.token_logprobs);
    expect((await ask({ prompt: "alone", max_tokens: 0 })).choices[0]).toMatchObject({ text: "alone", logprobs: null });
  });

  it("are streamed as they are whole, for each choice", async () => {
    const fields = { prompt: ["Hé", "you"], n: 2, max_tokens: 4, logprobs: 3, temperature: 1, seed: 3 };
    const { choices } = await ask(fields);
    const body = { model: "toy", echo: true, ...fields, stream: true };
    const chunks = (await readChunks(await handler(post(path, body)))).flatMap((chunk) => chunk.choices);
    for (const { index, text, logprobs } of choices) {
      const parts = chunks.filter((chunk) => chunk.index === index);
      expect(parts.map((part) => part.text).join("")).toBe(text);
      const told = parts.flatMap((part) => part.logprobs ?? []) as Logprobs[];
      for (const [name, list] of Object.entries(logprobs as Logprobs))
        expect(told.flatMap((part) => part[name as keyof Logprobs] as unknown[])).toEqual(list);
    }
  });

  it("are not more than memory is there for", async () => {
    const prompt = Array.from({ length: 1000 }, () => "x".repeat(13));
    const { status, json } = await postJson(handler, path, { model: "toy", prompt, echo: true, logprobs: 20 });
    expect({ status, param: json.error.param }).toEqual({ status: 400, param: "logprobs" });
    expect(json.error.message).toContain("asks for 273000 log-probabilities");
  });
});
