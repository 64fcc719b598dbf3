import { cp } from "node:fs/promises";
import { join } from "node:path";
import { decode, encode, openCheckpoint, readTensorBytes, type TensorSource, writeCheckpoint } from "@whittle/core";

/**
 * Writes a model folder whose projections have lost their smallest elements: of each four along a row two, or of each row a share. For tests: real pruning is
 * another matter.
 */
export async function pruneByMagnitude(folder: string, out: string, share?: number): Promise<void> {
  const { tensors } = await openCheckpoint(folder);
  const sources = [...tensors].map(([name, stored]): TensorSource => {
    const { dtype, shape } = stored;
    const bytes = async () => {
      const content = await readTensorBytes(stored);
      if (!name.endsWith("_proj.weight")) return content;
      const values = decode(dtype!, content) as Float32Array;
      const group = share === undefined ? 4 : shape[1]!;
      for (let from = 0; from < values.length; from += group) {
        const order = Array.from({ length: group }, (_, i) => from + i).sort(
          (a, b) => Math.abs(values[a]!) - Math.abs(values[b]!),
        );
        for (const i of order.slice(0, Math.round(group * (share ?? 0.5)))) values[i] = 0;
      }
      return encode(dtype!, values).slice();
    };
    return { name, dtype: dtype!, shape, bytes };
  });
  for (const file of ["config.json", "tokenizer.json"])
    await cp(join(folder, file), join(out, file), { recursive: true });
  await writeCheckpoint(out, sources);
}
