import { type Device, elementsOf, encode, quantise, type Tensor } from "@whittle/core";
import { type BuiltModel, buildModel, parameterShapes, type ModelConfig } from "@whittle/models";
import { type LlamaSizes } from "../shared/llama-costs.js";
import { randomElements } from "../shared/random-weights.js";

export type LinearDType = "f32" | "bf16" | "f16" | "q8_0" | "q4_0";

/** A LLaMA of 16-bit activations whose random weights are made on the way to the device: no file, and no time for one. Layers share the bytes, not the memory. */
export function randomModel(
  sizes: LlamaSizes,
  device: Device,
  linears: LinearDType,
): { model: BuiltModel; weightBytes: number; dispose: () => void } {
  const config: ModelConfig = {
    ...sizes,
    architecture: "llama",
    maxPositions: 8192,
    normEpsilon: 1e-5,
    tieWordEmbeddings: false,
    rope: { theta: 10_000 },
    attentionBias: false,
    mlpBias: false,
    activation: "silu",
    eosTokenIds: [],
  };
  const made = new Map<string, Uint8Array>();
  const bytesFor = (shape: readonly number[], dtype: LinearDType): Uint8Array => {
    const key = `${shape.join("x")} ${dtype}`;
    let bytes = made.get(key);
    if (!bytes) made.set(key, (bytes = randomBytes(shape, dtype, made.size)));
    return bytes;
  };
  const weights = new Map<string, Tensor>();
  let weightBytes = 0;
  for (const [name, shape] of parameterShapes(config)) {
    const isLinear = shape.length === 2 && name !== "model.embed_tokens.weight";
    const dtype = isLinear ? linears : "bf16";
    const bytes = shape.length === 1 ? encode("bf16", new Float32Array(shape[0]!).fill(1)) : bytesFor(shape, dtype);
    weights.set(name, device.tensorFromBytes(bytes, shape, dtype));
    if (isLinear) weightBytes += bytes.byteLength;
  }
  const model = buildModel(config, weights, device, { activations: "bf16" });
  return {
    model,
    weightBytes,
    dispose() {
      model.dispose();
      for (const tensor of weights.values()) tensor.dispose();
    },
  };
}

/** Uniform with the variance that keeps activations of order one. */
function randomBytes(shape: readonly number[], dtype: LinearDType, seed: number): Uint8Array {
  const bound = Math.sqrt(3 / shape[1]!);
  const isBlock = dtype === "q8_0" || dtype === "q4_0";
  const pieces = [...randomElements(elementsOf(shape), isBlock ? "f32" : dtype, bound, seed, 0)];
  if (!isBlock) return Buffer.concat(pieces);
  return Buffer.concat(
    pieces.map((piece) => quantise(new Float32Array(piece.buffer, piece.byteOffset, piece.byteLength / 4), dtype)),
  );
}
