import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { CheckpointError } from "@whittle/core";
import { firstOf } from "../weights.js";
import { splitName } from "./open-gguf.js";

/** The GGUF file that a path means; undefined: a Hugging Face folder. @throws CheckpointError if it is neither */
export async function ggufFileOf(path: string): Promise<string | undefined> {
  const info = await stat(path).catch(() => {
    throw new CheckpointError(path, "there is no such folder or file");
  });
  if (!info.isDirectory()) {
    if (path.endsWith(".gguf")) return path;
    throw new CheckpointError(path, "is a file, but a model folder or a .gguf file was expected");
  }
  const names = await readdir(path);
  if (names.includes("config.json")) return undefined;
  // Of a model in several files, the first stands for all.
  const files = names.filter((name) => name.endsWith(".gguf") && (splitName(name)?.no ?? 0) === 0).sort();
  if (files.length > 1)
    throw new CheckpointError(path, `holds ${files.length} GGUF models: name one of ${firstOf(files)}`);
  return files[0] && join(path, files[0]);
}
