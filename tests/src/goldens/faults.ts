import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCheckpoint, readTensorBytes, writeSafetensors } from "@whittle/core";

/** A fault planted in a copy of a model folder: what goes wrong is the model, not the test. */
export interface Fault {
  readonly name: string;
  /** Whether the model has what the fault breaks. */
  applies(config: Record<string, any>): boolean;
  plant(folder: string, config: Record<string, any>): Promise<void>;
}

const isLlama = (config: Record<string, any>): boolean => config["model_type"] !== "gpt2";

const inConfig = (change: (config: Record<string, any>) => object) => (folder: string, config: Record<string, any>) =>
  writeFile(join(folder, "config.json"), JSON.stringify({ ...config, ...change(config) }));

export const faults: readonly Fault[] = [
  {
    name: "a RoPE base 1 % too large",
    applies: isLlama,
    plant: inConfig(({ rope_parameters: rope }) => ({
      rope_parameters: { ...rope, rope_theta: rope.rope_theta * 1.01 },
    })),
  },
  {
    name: "RoPE scaling left out",
    applies: ({ rope_parameters: rope }) => rope !== undefined && rope.rope_type !== "default",
    plant: inConfig(({ rope_parameters: rope }) => ({ rope_parameters: { ...rope, rope_type: "default" } })),
  },
  { name: "query heads 0 and 1 swapped", applies: () => true, plant: swapQueryHeads },
];

/** Runs `use` on a copy of the folder with the fault planted. */
export async function withFault<T>(fault: Fault, folder: string, use: (faulty: string) => Promise<T>): Promise<T> {
  const copy = await mkdtemp(join(tmpdir(), "whittle-fault-"));
  try {
    await cp(folder, copy, { recursive: true });
    await fault.plant(copy, await readConfig(folder));
    return await use(copy);
  } finally {
    await rm(copy, { recursive: true });
  }
}

export async function readConfig(folder: string): Promise<Record<string, any>> {
  return JSON.parse(await readFile(join(folder, "config.json"), "utf8"));
}

/** In layer 0. LLaMA keeps a head's query weights in rows, GPT-2 in columns (its Conv1D stores `[in, out]`). */
async function swapQueryHeads(folder: string, config: Record<string, any>): Promise<void> {
  const llama = isLlama(config);
  const headDim: number =
    config["head_dim"] ??
    (llama ? config["hidden_size"] / config["num_attention_heads"] : config["n_embd"] / config["n_head"]);
  const target = llama ? "model.layers.0.self_attn.q_proj.weight" : "transformer.h.0.attn.c_attn.weight";
  const { tensors } = await openCheckpoint(folder);
  const sources = await Promise.all(
    [...tensors].map(async ([name, tensor]) => {
      const bytes = await readTensorBytes(tensor);
      const dtype = tensor.dtype!;
      const { shape } = tensor;
      if (name !== target) return { name, dtype, shape, bytes: () => bytes };
      const columnBytes = bytes.length / (shape[0]! * shape[1]!);
      const headBytes = headDim * columnBytes * (llama ? shape[1]! : 1);
      const stride = llama ? bytes.length : shape[1]! * columnBytes;
      const swapped = Uint8Array.from(bytes);
      for (let at = 0; at < bytes.length; at += stride) {
        swapped.set(bytes.subarray(at, at + headBytes), at + headBytes);
        swapped.set(bytes.subarray(at + headBytes, at + 2 * headBytes), at);
      }
      return { name, dtype, shape, bytes: () => swapped };
    }),
  );
  // The single file is looked for before an index, so this also replaces shards.
  await writeSafetensors(join(folder, "model.safetensors"), sources);
}
