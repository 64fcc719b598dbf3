import { describe, expect, it } from "vitest";
import { createEngine, type EngineOptions } from "./engine.js";
import { type Completion, type GenerateRequest } from "./request.js";
import { END } from "./testing/byte-tokenizer.js";
import { constantModel, randomModel } from "./testing/toy-models.js";
import { type TokenConstraint } from "./token-constraint.js";

const [A, B, C] = [97, 98, 99];

/** The answer of a model whose logits are 3, 2.5 and 2 for a, b and c, and 0 for all else. */
async function answer(request: GenerateRequest, logits: Record<number, number> = {}): Promise<Completion> {
  const engine = createEngine({ model: constantModel({ [A]: 3, [B]: 2.5, [C]: 2, ...logits }) });
  try {
    return await engine.complete({ prompt: "x", temperature: 0, maxTokens: 8, ...request });
  } finally {
    await engine.close();
  }
}

/** Allows what `next` says after the tokens that came; undefined: everything. */
function constrained(next: (tokens: readonly number[]) => readonly number[] | undefined): () => TokenConstraint {
  return () => {
    const tokens: number[] = [];
    return {
      allow(into) {
        const ids = next(tokens);
        for (const id of ids ?? []) into[id >> 5]! |= 1 << (id & 31);
        return ids !== undefined;
      },
      accept: (id) => void tokens.push(id),
    };
  };
}

describe("what is drawn", () => {
  it("is less often what came before, with penalties", async () => {
    expect((await answer({})).text).toBe("aaaaaaaa");
    // 3, 2.5 and 2, each less 0.4 a time.
    expect((await answer({ frequencyPenalty: 0.4 })).text).toBe("aababcab");
    expect((await answer({ presencePenalty: 0.6 })).text).toBe("abaaaaaa");
    expect((await answer({ presencePenalty: -1, logitBias: { [B]: 0.6 } })).text).toBe("bbbbbbbb");
    // Halved once they are in the prompt or were generated; below 0 they are doubled instead.
    expect((await answer({ repetitionPenalty: 2 })).text.slice(0, 4)).toBe("abca");
    expect((await answer({ repetitionPenalty: 2, prompt: "ab" })).text.slice(0, 3)).toBe("caa");
    const below = Object.fromEntries(Array.from({ length: END + 1 }, (_, id) => [id, -4]));
    const negative = await answer({ repetitionPenalty: 2, prompt: "a" }, { ...below, [A]: -1, [B]: -1.5, [C]: -3.5 });
    expect(negative.text.slice(0, 4)).toBe("baaa");
  });

  it("follows a bias", async () => {
    expect((await answer({ logitBias: { [C]: 1.5 } })).text).toBe("cccccccc");
    const none = new Map([A, B, C].map((id) => [id, -100]));
    expect((await answer({ logitBias: none })).tokens).toEqual(new Array(8).fill(0));
  });

  it("is no end before its time", async () => {
    const ends = { [END]: 10 };
    expect(await answer({}, ends)).toMatchObject({ text: "", tokens: [END], finishReason: "stop" });
    expect(await answer({ minTokens: 3 }, ends)).toMatchObject({ text: "aaa", tokens: [A, A, A, END] });
    expect(await answer({ minTokens: 3, stop: "a" })).toMatchObject({ text: "aaa", finishReason: "stop" });
    const on = await answer({ ignoreEos: true, maxTokens: 3 }, ends);
    expect(on).toMatchObject({ tokens: [END, END, END], finishReason: "length" });
  });

  it("is what a constraint allows, token by token", async () => {
    const abab = constrained((tokens) => (tokens.length < 4 ? [tokens.length % 2 === 0 ? B : C] : [END, A]));
    expect(await answer({ constraint: abab }, { [END]: 9 })).toMatchObject({ text: "bcbc", finishReason: "stop" });
    expect((await answer({ constraint: constrained(() => undefined) })).text).toBe("aaaaaaaa");
    const sampled = await answer({ constraint: constrained(() => [B, C]), temperature: 5, seed: 1, maxTokens: 60 });
    expect(new Set(sampled.text)).toEqual(new Set("bc"));
  });

  it("waits for a constraint whose masks are made elsewhere, and for no more than it must", async () => {
    const slow = (fails: boolean) => (): TokenConstraint => {
      let [turn, made] = [0, -1];
      return {
        ready: async () => {
          for (let i = 0; i < 3; i++) await new Promise(setImmediate);
          if (fails && turn === 2) throw new Error("the maker of masks is gone");
          made = turn;
        },
        allow(into) {
          expect(made).toBe(turn);
          into[A >> 5]! |= 1 << ((A + (turn % 3)) % 32);
          return true;
        },
        accept: () => void turn++,
      };
    };
    const engine = createEngine({ model: constantModel({}) });
    const request = { prompt: "x", temperature: 0, maxTokens: 6 };
    const [waits, fails, other] = await Promise.allSettled([
      engine.complete({ ...request, constraint: slow(false) }),
      engine.complete({ ...request, constraint: slow(true) }),
      engine.complete(request),
    ]);
    expect(waits).toMatchObject({ value: { text: "abcabc" } });
    expect(fails).toMatchObject({ status: "rejected", reason: { message: "the maker of masks is gone" } });
    expect(other).toMatchObject({ value: { tokens: new Array(6).fill(0) } });
    await engine.close();
  });

  it("fails the request alone whose constraint allows nothing or fails", async () => {
    const engine = createEngine({ model: randomModel(1) });
    const dead = constrained((tokens) => (tokens.length < 3 ? [A] : []));
    const broken = constrained((tokens) => {
      if (tokens.length === 2) throw new Error("broken grammar");
      return undefined;
    });
    const request = { prompt: "abc", temperature: 0, maxTokens: 10 };
    const [good, ...bad] = await Promise.allSettled([
      engine.complete(request),
      engine.complete({ ...request, constraint: dead }),
      engine.complete({ ...request, constraint: broken }),
    ]);
    expect(bad).toMatchObject([
      { status: "rejected", reason: { code: "no_token_allowed" } },
      { status: "rejected", reason: { message: "broken grammar" } },
    ]);
    expect(good).toEqual({
      status: "fulfilled",
      value: { ...(await engine.complete(request)), id: expect.any(String) },
    });
    expect(engine.stats()).toMatchObject({ failedSteps: 0, running: 0 });
    await engine.close();
  });
});

describe("log-probabilities", () => {
  const sum = Math.log(Math.exp(3) + Math.exp(2.5) + Math.exp(2) + 254);

  it("are the model's own, whatever is done to the draw", async () => {
    const { logprobs, tokens } = await answer({ logprobs: 2, logitBias: { [C]: 5 }, temperature: 0.1, maxTokens: 3 });
    expect(tokens).toEqual([C, C, C]);
    expect(logprobs).toHaveLength(3);
    for (const { token, logprob, top } of logprobs!) {
      expect(token).toBe(C);
      expect(logprob).toBeCloseTo(2 - sum, 5);
      expect(top.map((entry) => entry.token)).toEqual([A, B]);
      expect(top[0]!.logprob).toBeCloseTo(3 - sum, 5);
      expect(top[1]!.logprob).toBeCloseTo(2.5 - sum, 5);
    }
  });

  it("come with every token or not at all", async () => {
    expect((await answer({})).logprobs).toBeUndefined();
    expect((await answer({ logprobs: 0, maxTokens: 1 })).logprobs).toEqual([
      { token: A, logprob: expect.closeTo(3 - sum, 5), top: [] },
    ]);
    const engine = createEngine({ model: constantModel({ [0xc3]: 5 }) });
    let [tokens, logprobs] = [0, 0];
    // No piece has text before the character is whole, which it never is.
    for await (const piece of engine.generate({ prompt: "x", temperature: 0, maxTokens: 5, logprobs: 20 })) {
      tokens += piece.tokens.length;
      logprobs += piece.logprobs?.length ?? 0;
      for (const { top } of piece.logprobs ?? []) expect(top).toHaveLength(20);
    }
    expect([tokens, logprobs]).toEqual([5, 5]);
    await engine.close();
  });
});

describe("requests of all kinds in the same steps", () => {
  const requests: GenerateRequest[] = [
    { prompt: "the first", temperature: 0 },
    {
      prompt: "penalised",
      temperature: 0.8,
      seed: 1,
      frequencyPenalty: 0.5,
      presencePenalty: 0.3,
      repetitionPenalty: 1.2,
    },
    { prompt: "biased", temperature: 1, seed: 2, logitBias: { 65: 4, 66: -100 }, minTokens: 10 },
    {
      prompt: "constrained",
      temperature: 1,
      seed: 3,
      constraint: constrained((tokens) => [65 + (tokens.length % 5), 97]),
    },
    { prompt: "watched", temperature: 1, seed: 4, topP: 0.9, logprobs: 3 },
    { prompt: "penalised and watched", temperature: 0, repetitionPenalty: 1.5, logprobs: 5 },
  ].map((request, i) => ({ ...request, maxTokens: 12 + i }));

  async function answers(options: Omit<EngineOptions, "model">, together: boolean): Promise<Partial<Completion>[]> {
    const engine = createEngine({ model: randomModel(2), ...options });
    const all: Completion[] = [];
    if (together) all.push(...(await Promise.all(requests.map((request) => engine.complete(request)))));
    else for (const request of requests) all.push(await engine.complete(request));
    await engine.close();
    return all.map(({ id: _id, usage: _usage, ...rest }) => rest);
  }

  it.each<[string, Omit<EngineOptions, "model">]>([
    ["as many as there are", {}],
    ["one row a step", { limits: { maxRows: 1 } }],
    ["two at a time", { limits: { maxSequences: 2 } }],
    ["preempted", { limits: { cacheBytes: 3 * 32 * 64 } }],
  ])("get what they get alone: %s", async (_name, options) => {
    expect(await answers(options, true)).toEqual(await answers({}, false));
  });
});
