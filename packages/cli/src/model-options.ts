import { type ActivationDType, activationDTypes } from "@whittle/core";
import { type Command, Option } from "commander";
import { byteSize, deviceName, integer } from "./option-values.js";
import { bf16ActivationsOption, exactActivationsOption, type WeightOptions, weightsOption } from "./weights.js";

/** What every command that loads a model may be told. */
export interface ModelOptions extends WeightOptions {
  /** `cpu`, `cuda` or `cuda:<index>`. Default: `cpu`. */
  readonly device?: string;
  /** What models compute in. Default: as the device prefers. */
  readonly activations?: ActivationDType;
  readonly threads?: number;
  readonly memory?: number;
}

/** What commands that generate may be told besides. */
export interface CacheOptions extends ModelOptions {
  readonly ctx?: number;
  /** Default: the model's activations. */
  readonly cacheDtype?: ActivationDType;
}

/** What `loadModel` takes. */
export const modelPath = [
  "<model>",
  "a Hugging Face model folder, or a GGUF file (for one in parts: the first)",
] as const;

export const modelFolder = [
  "<folder>",
  "a Hugging Face model folder: config.json, tokenizer.json, *.safetensors",
] as const;

/** Options that `serve` has in common with the commands for one model. */
export const deviceOption = ["--device <name>", "cpu, cuda or cuda:<index> (default: cpu)", deviceName] as const;
export const activationsOption = () =>
  new Option(
    "--activations <dtype>",
    "what models compute in (default: f32 on the CPU, on CUDA what the model is stored in)",
  ).choices(activationDTypes);
export const cacheDtypeOption = () =>
  new Option("--cache-dtype <dtype>", "how keys and values are stored (default: as the model computes)").choices(
    activationDTypes,
  );

export function addModelOptions(command: Command): Command {
  return command
    .option(...deviceOption)
    .addOption(activationsOption())
    .addOption(weightsOption())
    .option(...exactActivationsOption)
    .option(...bf16ActivationsOption)
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
    .addOption(cacheDtypeOption());
}
