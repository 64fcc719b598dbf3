import { existsSync } from "node:fs";
import { rename, rm, stat, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { openGguf } from "@whittle/models";
import { ExternalData } from "../onnx/external-data.js";
import { llamaDecoder } from "../onnx/llama-decoder.js";

/**
 * The LLaMA of a GGUF file as an ONNX model beside it, made at the first call, with the same weights bit for bit: f32 ones, norms among them, are read from the GGUF file itself,
 * those in q4_0 and q8_0 are rearranged into a file `….onnx.data`. The model appears last and whole.
 */
export async function onnxOf(gguf: string): Promise<string> {
  const file = gguf.replace(/\.gguf$/, ".onnx");
  // An older one may name places of a GGUF file that was there before.
  if (existsSync(file) && (await stat(file)).mtimeMs > (await stat(gguf)).mtimeMs) return file;
  const { metadata, tensors } = await openGguf(gguf);
  const field = (name: string, fallback?: number): number => {
    const value = metadata.get(`llama.${name}`) ?? fallback;
    if (typeof value !== "number") throw new Error(`${gguf}: llama.${name} is no number but ${String(value)}`);
    return value;
  };
  const unfinished = `${file}.${process.pid}.tmp`;
  const data = await ExternalData.create(`${unfinished}.data`, `${basename(file)}.data`);
  try {
    const model = await llamaDecoder({
      layers: field("block_count"),
      heads: field("attention.head_count"),
      kvHeads: field("attention.head_count_kv"),
      headDim: field("attention.key_length", field("embedding_length") / field("attention.head_count")),
      epsilon: field("attention.layer_norm_rms_epsilon"),
      ropeTheta: field("rope.freq_base"),
      positions: field("context_length"),
      tensors,
      data,
    });
    await writeFile(unfinished, model);
    await rename(`${unfinished}.data`, `${file}.data`);
    await rename(unfinished, file);
  } finally {
    await data.close();
    await Promise.all([unfinished, `${unfinished}.data`].map((path) => rm(path, { force: true })));
  }
  return file;
}
