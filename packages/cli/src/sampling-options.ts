import { type Command } from "commander";
import { type GenerateRequest } from "@whittle/serving";
import { integer, list, number } from "./option-values.js";

/** How tokens are drawn, for every command that generates. */
export interface SamplingFlags {
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly seed?: number;
  readonly stop?: readonly string[];
}

export function addSamplingOptions(command: Command): Command {
  return command
    .option("-n, --max-tokens <n>", "tokens to write at most (default: as the context has room for)", integer(1))
    .option("--temperature <t>", "0 takes the most probable token (default: the model's, else 1)", number(0, 100))
    .option("--top-k <k>", "only the k most probable tokens, 0 for all (default: the model's, else 0)", integer(0))
    .option(
      "--top-p <p>",
      "only the most probable tokens that together reach p (default: the model's, else 1)",
      number(0, 1),
    )
    .option(
      "--min-p <p>",
      "only tokens p times as probable as the most probable one (default: the model's, else 0)",
      number(0, 1),
    )
    .option("--seed <n>", "the same seed gives the same text (default: a random one)", integer(0))
    .option("--stop <text>", "text to stop at; may be given several times", list);
}

/** The engine's fields of those that were given. */
export function samplingOf(flags: SamplingFlags): Partial<GenerateRequest> {
  const { maxTokens, temperature, topK, topP, minP, seed, stop } = flags;
  const given = Object.entries({ maxTokens, temperature, topK, topP, minP, seed, stop });
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}
