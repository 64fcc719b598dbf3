import { basename, join, resolve } from "node:path";
import {
  codecs,
  decode,
  type Device,
  type DType,
  encode,
  isBlockDType,
  openCheckpoint,
  quantiseRows,
  readTensorBytes,
  type StoredTensor,
} from "@whittle/core";
import { architectures } from "../architectures/architecture.js";
import { ropeFrequencies } from "../architectures/rope.js";
import { type ModelConfig, readModelConfig } from "../model-config.js";
import { quantiseInSlices } from "../quantise-weight.js";
import { locateWeights } from "../weights.js";
import { type GgmlTypeName } from "./ggml-types.js";
import { ggufTensorName } from "./tensor-names.js";
import { type GgufField, type GgufTensorSource, writeGguf } from "./write-gguf.js";

export interface ConvertOptions {
  /**
   * What a matrix is stored as, by the name of its parameter as transformers has it (`model.layers.0.mlp.up_proj.weight`); blocks are quantised by ggml's rule, and matrices whose
   * rows are no whole blocks stay as they are. Default: as stored.
   */
  readonly typeOf?: (parameter: string) => DType | "stored";
  /** Quantises in its kernels, such as a `cpu()`; the bytes are the same. Default: JavaScript does, much slower. */
  readonly device?: Device;
  /** More metadata: the keys of `tokenizer.ggml`, which are not made here. Default: none, so that readers need the `tokenizer.json`. */
  readonly metadata?: Readonly<Record<string, GgufField>>;
}

/**
 * Writes the model of a Hugging Face folder (LLaMA, Mistral, GPT-2) as one GGUF file that llama.cpp and `loadModel` read: one tensor at a time in memory.
 * @throws ConfigError, CheckpointError
 */
export async function convertToGguf(folder: string, file: string, options: ConvertOptions = {}): Promise<void> {
  const { typeOf = () => "stored", device, metadata = {} } = options;
  const config = await readModelConfig(join(folder, "config.json"));
  const architecture = architectures[config.architecture];
  const { stored } = locateWeights(await openCheckpoint(folder), {
    parameters: architecture.parameters(config),
    described: "config.json",
    namesOf: (name) => [name, name.replace(architecture.prefix, ""), architecture.prefix + name],
    isNeedless: () => true,
  });
  const ggmlShapes = architecture.parameters(config, "ggml");
  const tensors = [...stored].map(([parameter, tensor]): GgufTensorSource => {
    const shape = ggmlShapes.get(parameter)!;
    const wanted = shape.length === 1 ? "f32" : typeOf(parameter);
    // Square matrices of GPT-2 are turned as well: their shapes do not tell.
    const transposed = config.architecture === "gpt2" && isConv1d.test(parameter);
    const fits = wanted !== "stored" && shape.at(-1)! % codecs[wanted].elements === 0;
    const type = (fits ? wanted : tensor.dtype) as GgmlTypeName & DType;
    return {
      name: ggufTensorName(config.architecture, parameter),
      type,
      shape,
      bytes: async () => {
        const bytes = await elementsOf(tensor, type, { transposed, device });
        return isRotated(parameter) ? pairsTogether(bytes, shape[0]!, config.headDim) : bytes;
      },
    };
  });
  const factors = scalingFactors(config);
  if (factors)
    tensors.push({
      name: "rope_freqs.weight",
      type: "f32",
      shape: [factors.length],
      bytes: () => encode("f32", factors),
    });
  await writeGguf(file, tensors, { metadata: { ...metadataOf(config, folder, tensors), ...metadata } });
}

/** In another dtype if asked for; GPT-2's matrices lie the other way in its own files. */
async function elementsOf(
  tensor: StoredTensor,
  type: DType,
  { transposed, device }: { transposed: boolean; device: Device | undefined },
): Promise<Uint8Array> {
  if (isBlockDType(type) && !transposed && device?.supports(quantiseRows)) {
    const mapped = await device.map(tensor.file, tensor.byteOffset, tensor.dtype!, tensor.shape);
    const blocks = device.unscoped(() => quantiseRows({ x: mapped, as: type }));
    const bytes = blocks.readBytes();
    [mapped, blocks].forEach((made) => made.dispose());
    return bytes;
  }
  const bytes = await readTensorBytes(tensor);
  if (type === tensor.dtype && !transposed) return bytes;
  const stored = decode(tensor.dtype!, bytes) as Float32Array;
  const values = transposed ? transpose(stored, tensor.shape as [number, number]) : stored;
  return isBlockDType(type) ? quantiseInSlices(values, type) : encode(type, values);
}

function transpose(values: ArrayLike<number>, [rows, columns]: readonly [number, number]): Float32Array {
  const turned = new Float32Array(values.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) turned[column * rows + row] = values[row * columns + column]!;
  return turned;
}

/** GPT-2's linear layers, which its own files have as `[in, out]`. */
const isConv1d = /\.(c_attn|c_proj|c_fc)\.weight$/;

function isRotated(parameter: string): boolean {
  return /\.self_attn\.[qk]_proj\.(weight|bias)$/.test(parameter);
}

/** ggml rotates neighbouring rows of a head, transformers those half a head apart. */
function pairsTogether(bytes: Uint8Array, rows: number, headDim: number): Uint8Array {
  const moved = new Uint8Array(bytes.length);
  const rowBytes = bytes.length / rows;
  for (let row = 0; row < rows; row++) {
    const within = row % headDim;
    const from = row - within + (within % 2) * (headDim / 2) + (within >> 1);
    moved.set(bytes.subarray(from * rowBytes, (from + 1) * rowBytes), row * rowBytes);
  }
  return moved;
}

/** How much slower each pair turns than without scaling, where metadata has no word for the kind. */
function scalingFactors({ rope, headDim }: ModelConfig): Float32Array | undefined {
  if (!rope?.scaling || rope.scaling.type === "linear") return undefined;
  const [plain, scaled] = [ropeFrequencies({ theta: rope.theta }, headDim), ropeFrequencies(rope, headDim)];
  return plain.map((frequency, pair) => frequency / scaled[pair]!);
}

function metadataOf(
  config: ModelConfig,
  folder: string,
  tensors: readonly GgufTensorSource[],
): Record<string, GgufField> {
  const { architecture: name, rope } = config;
  const epsilon = { float: config.normEpsilon };
  const llama = {
    "llama.attention.layer_norm_rms_epsilon": epsilon,
    "llama.attention.head_count_kv": config.kvHeads,
    "llama.attention.key_length": config.headDim,
    "llama.attention.value_length": config.headDim,
    "llama.rope.dimension_count": config.headDim,
    "llama.rope.freq_base": { float: rope?.theta ?? 0 },
    ...(rope?.scaling?.type === "linear" && {
      "llama.rope.scaling.type": "linear",
      "llama.rope.scaling.factor": { float: rope.scaling.factor },
    }),
  };
  return {
    "general.architecture": name,
    "general.name": basename(resolve(folder)),
    "general.file_type": fileTypeOf(tensors),
    "general.quantization_version": 2,
    [`${name}.context_length`]: config.maxPositions,
    [`${name}.embedding_length`]: config.hiddenSize,
    [`${name}.block_count`]: config.layers,
    [`${name}.feed_forward_length`]: config.intermediateSize,
    [`${name}.attention.head_count`]: config.heads,
    [`${name}.vocab_size`]: config.vocabSize,
    ...(name === "llama" ? llama : { "gpt2.attention.layer_norm_epsilon": epsilon }),
  };
}

/** llama.cpp's number for "most tensors are of this type". */
const fileTypes: Partial<Record<GgmlTypeName, number>> = {
  f32: 0,
  f16: 1,
  q4_0: 2,
  q8_0: 7,
  q4_K: 15,
  q6_K: 18,
  bf16: 32,
};

function fileTypeOf(tensors: readonly GgufTensorSource[]): number {
  const elements = new Map<GgmlTypeName, number>();
  for (const { type, shape } of tensors)
    elements.set(type, (elements.get(type) ?? 0) + shape.reduce((product, size) => product * size, 1));
  const most = [...elements].reduce((a, b) => (b[1] > a[1] ? b : a))[0];
  return fileTypes[most] ?? 0;
}
