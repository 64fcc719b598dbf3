import { describe, expect, it } from "vitest";
import { parseGenerationConfig, readGenerationConfig } from "./generation-config.js";

describe("generation_config.json", () => {
  it("reads ids as a number or a list, and leaves out what is not there", () => {
    expect(parseGenerationConfig({ eos_token_id: 2 })).toEqual({ eosTokenIds: [2] });
    expect(
      parseGenerationConfig({
        eos_token_id: [2, 3],
        bos_token_id: 1,
        temperature: 0.6,
        top_p: 0.9,
        top_k: 40,
        do_sample: true,
        max_length: 4096,
      }),
    ).toEqual({
      eosTokenIds: [2, 3],
      bosTokenId: 1,
      temperature: 0.6,
      topP: 0.9,
      topK: 40,
      doSample: true,
      maxLength: 4096,
    });
    expect(parseGenerationConfig({ transformers_version: "5.18.0", temperature: null })).toEqual({ eosTokenIds: [] });
  });

  it.each([
    [{ temperature: -1 }, `"temperature" is -1; expected a finite number at least 0`],
    [{ top_p: 2 }, `"top_p" is 2; expected a finite number at least 0 and at most 1`],
    [{ max_length: 0.5 }, `"max_length" is 0.5; expected an integer`],
    [{ eos_token_id: "</s>" }, `"eos_token_id" is "</s>"; expected a token id or a list of token ids`],
    [[], `the file must be an object, but is []`],
  ])("refuses %j", (content, message) => {
    expect(() => parseGenerationConfig(content)).toThrow(message);
  });

  it("suggests nothing where there is no file", async () => {
    expect(await readGenerationConfig("/nowhere/generation_config.json")).toEqual({ eosTokenIds: [] });
  });
});
