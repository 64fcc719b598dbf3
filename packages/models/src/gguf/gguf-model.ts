import { basename } from "node:path";
import { architectures } from "../architectures/architecture.js";
import { type ModelSource } from "../model-source.js";
import { locateWeights, type StoredWeight } from "../weights.js";
import { conversionOf } from "./convert.js";
import { readGgufConfig } from "./gguf-config.js";
import { loadGgufTokenizer } from "./gguf-tokenizer.js";
import { openGguf, splitName } from "./open-gguf.js";
import { type GgufTensor } from "./parse-gguf.js";
import { ggufTensorName } from "./tensor-names.js";

/** Tables that files may hold besides: read with the configuration, or computed here. */
const needless = /^rope_freqs\.weight$|\.rope_freqs\.weight$|\.attn_rot_embd(\.weight)?$/;

/**
 * A model in a GGUF file (the first, if there are several).
 * @throws CheckpointError, ConfigError, TokenizerError, ChatTemplateError
 */
export async function openGgufModel(file: string): Promise<ModelSource> {
  const gguf = await openGguf(file);
  const config = await readGgufConfig(gguf);
  const weights = locateWeights(
    { path: file, tensors: new Map([...gguf.tensors].map(([name, tensor]) => [name, asWeight(tensor)])) },
    {
      parameters: architectures[config.architecture].parameters(config, "ggml"),
      described: "its metadata",
      namesOf: (parameter) => [ggufTensorName(config.architecture, parameter)],
      isNeedless: (name) => needless.test(name),
    },
  );
  const tokenizer = await loadGgufTokenizer(gguf);
  const name = splitName(file)?.prefix ?? basename(file, ".gguf");
  return {
    name,
    config,
    generationConfig: { eosTokenIds: [] },
    tokenizer,
    weights,
    sparse: new Map(),
    arrangement: "ggml",
  };
}

/** With what it becomes, if no device computes with its type. */
function asWeight(tensor: GgufTensor): GgufTensor | StoredWeight {
  const conversion = tensor.dtype === undefined ? conversionOf(tensor.type.name) : undefined;
  return conversion ? { ...tensor, ...conversion } : tensor;
}
