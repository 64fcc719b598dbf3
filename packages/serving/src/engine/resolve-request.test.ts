import { describe, expect, it } from "vitest";
import { type GenerateRequest } from "../request.js";
import { randomModel } from "../testing/toy-models.js";
import { resolveRequest } from "./resolve-request.js";

const model = randomModel(1);
const resolve = (request: GenerateRequest, generationConfig = {}) =>
  resolveRequest(request, { ...model, generationConfig: { eosTokenIds: [], ...generationConfig } }, 100);

describe("a request", () => {
  it("gets as many tokens as the context has room for", () => {
    expect(resolve({ prompt: "12345" }).parameters.maxTokens).toBe(95);
    expect(resolve({ prompt: "12345", maxTokens: 95 }).parameters.maxTokens).toBe(95);
  });

  it("is never cut to fit", () => {
    expect(() => resolve({ prompt: "12345", maxTokens: 96 })).toThrow(
      "the context is 100 tokens, but a prompt of 5 tokens with 96 more wanted makes 101",
    );
    expect(() => resolve({ prompt: "x".repeat(100) })).toThrow("a prompt of 100 tokens leaves no room for an answer");
  });

  it("takes text, ids or messages, and exactly one of them", () => {
    expect([...resolve({ prompt: "é" }).prompt]).toEqual([0xc3, 0xa9]);
    expect([...resolve({ prompt: [1, 2] }).prompt]).toEqual([1, 2]);
    expect(Buffer.from(resolve({ messages: [{ role: "user", content: "hi" }] }).prompt).toString()).toBe(
      "user: hi\nassistant: ",
    );
    expect(() => resolve({})).toThrow("neither came");
    expect(() => resolve({ prompt: "a", messages: [] })).toThrow("both came");
  });

  it("draws as the model suggests, where nothing else is asked for", () => {
    const suggested = { temperature: 0.6, topK: 40, topP: 0.9, minP: 0.1, repetitionPenalty: 1.2 };
    expect(resolve({ prompt: "a", seed: 3 }).parameters).toMatchObject({
      temperature: 1,
      topK: 0,
      topP: 1,
      minP: 0,
      seed: 3,
      repetitionPenalty: 1,
    });
    expect(resolve({ prompt: "a", seed: 3 }, suggested).parameters).toMatchObject({ ...suggested, seed: 3 });
    expect(resolve({ prompt: "a", temperature: 0, topK: 0 }, suggested).parameters).toMatchObject({
      temperature: 0,
      topK: 0,
      topP: 0.9,
    });
    expect(resolve({ prompt: "a" }, { ...suggested, doSample: false }).parameters.temperature).toBe(0);
    expect(resolve({ prompt: "a", temperature: 0.5 }, { doSample: false }).parameters.temperature).toBe(0.5);
  });

  it.each<[GenerateRequest, string, string]>([
    [{ prompt: "" }, "prompt", "prompt is empty"],
    [{ prompt: [] }, "prompt", "prompt is empty"],
    [{ prompt: [5, 257] }, "prompt", "token 1 of the prompt is 257, but token ids are integers from 0 to 256"],
    [{ prompt: [-1] }, "prompt", "token 0 of the prompt is -1"],
    [{ prompt: [0.5] }, "prompt", "token 0 of the prompt is 0.5"],
    [{ prompt: "a", maxTokens: -1 }, "maxTokens", "maxTokens must be an integer of at least 0, but is -1"],
    [{ prompt: "a", maxTokens: 0, minTokens: 1 }, "minTokens", "at most 0, but is 1"],
    [{ prompt: "a", arrivalMs: 1e12 }, "arrivalMs", "at most"],
    [{ prompt: "a", arrivalMs: Number.NaN }, "arrivalMs", "must be a number"],
    [{ prompt: "a", promptLogprobs: 21 }, "promptLogprobs", "at most 20, but is 21"],
    [{ prompt: "a", maxTokens: 1.5 }, "maxTokens", "but is 1.5"],
    [
      { prompt: "a", temperature: -1 },
      "temperature",
      "temperature must be a number of at least 0 and at most 100, but is -1",
    ],
    [{ prompt: "a", temperature: NaN }, "temperature", "but is NaN"],
    [{ prompt: "a", topK: -1 }, "topK", "topK must be an integer"],
    [{ prompt: "a", topP: 1.01 }, "topP", "but is 1.01"],
    [{ prompt: "a", minP: Infinity }, "minP", "but is Infinity"],
    [{ prompt: "a", seed: 2 ** 53 }, "seed", "seed must be an integer"],
    [{ prompt: "a", seed: "1" as never }, "seed", "but is string"],
    [{ prompt: "a", frequencyPenalty: 2.1 }, "frequencyPenalty", "at most 2, but is 2.1"],
    [{ prompt: "a", presencePenalty: NaN }, "presencePenalty", "but is NaN"],
    [{ prompt: "a", repetitionPenalty: 0 }, "repetitionPenalty", "at least 0.001"],
    [{ prompt: "a", logitBias: { 257: 1 } }, "logitBias", "logitBias names token 257"],
    [{ prompt: "a", logitBias: { "01": 1 } as never }, "logitBias", "logitBias names token 01"],
    [{ prompt: "a", logitBias: new Map([[5, 101]]) }, "logitBias", "at most 100, but is 101"],
    [{ prompt: "a", logitBias: 5 as never }, "logitBias", "but is number"],
    [{ prompt: "a", minTokens: 5, maxTokens: 4 }, "minTokens", "at most 4, but is 5"],
    [{ prompt: "a", logprobs: 21 }, "logprobs", "at most 20, but is 21"],
    [{ prompt: "a", timeoutMs: -1 }, "timeoutMs", "at least 0"],
    [{ prompt: "a", stop: "" }, "stop", "must be a string that is not empty"],
    [{ prompt: "a", stop: ["b", ""] }, "stop", "must be a string that is not empty"],
  ])("is refused: %j", (request, param, message) => {
    expect(() => resolve(request)).toThrow(
      expect.objectContaining({ code: "invalid_request", param, message: expect.stringContaining(message) }),
    );
  });
});
