import { type Command, Option } from "commander";
import { byteSize, integer } from "./option-values.js";

/** What every command that loads a model may be told. */
export interface ModelOptions {
  readonly threads?: number;
  readonly memory?: number;
}

/** What commands that generate may be told besides. */
export interface CacheOptions extends ModelOptions {
  readonly ctx?: number;
  readonly cacheDtype: "f32" | "f16" | "bf16";
}

export const modelFolder = [
  "<folder>",
  "a Hugging Face model folder: config.json, tokenizer.json, *.safetensors",
] as const;

export function addModelOptions(command: Command): Command {
  return command
    .option(
      "--threads <n>",
      "threads for arithmetic (default: the physical cores this process may use)",
      integer(1, 1024),
    )
    .option(
      "--memory <size>",
      "memory for everything but the mapped weights, e.g. 2GiB (default: most of what is free)",
      byteSize,
    );
}

export function addCacheOptions(command: Command): Command {
  return addModelOptions(command)
    .option(
      "--ctx <tokens>",
      "tokens that a request may have, prompt included (default: the model's own limit)",
      integer(1),
    )
    .addOption(
      new Option("--cache-dtype <dtype>", "how keys and values are stored")
        .choices(["f32", "f16", "bf16"])
        .default("f32"),
    );
}
