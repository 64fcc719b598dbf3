import { sample, type Tensor } from "@whittle/core";
import { floatCache } from "@whittle/kvcache";
import { type LoadedModel } from "@whittle/models";

/**
 * Microseconds of a decode step of `sequences` sequences in the least loop there is: each step's ids go to the next on the device, and are read once that is recorded.
 */
export async function bareLoop({ model, device }: LoadedModel, sequences: number, tokens: number): Promise<number> {
  const { layers } = model.shape;
  const bytesOfToken = layers.reduce((sum, { kvHeads, headDim }) => sum + 8 * kvHeads * headDim, 0);
  const cache = floatCache()(layers, device, sequences * (tokens + 32) * bytesOfToken);
  const [positions, wanted, settings, keys] = [
    device.slot([sequences], "i32"),
    device.slot([sequences], "i32"),
    device.slot([sequences, 4], "f32"),
    device.slot([sequences, 4], "i32"),
  ];
  const each = (values: (n: number) => number[]) => Array.from({ length: sequences }, (_, n) => values(n)).flat();
  const runs = Array.from({ length: sequences }, (_, n) => ({
    sequence: cache.open().sequence,
    from: n,
    count: 1,
    held: false,
  }));
  wanted.write(each((n) => [n]));
  settings.write(each(() => [0.8, 0, 0.95, 0]));
  let ids: Tensor = device.tensor(
    each((n) => [1 + n]),
    [sequences],
    "i32",
  );
  await device.sync();
  let read: Promise<unknown> | undefined;
  const start = performance.now();
  for (let position = 0; position < tokens; position++) {
    positions.write(each(() => [position]));
    keys.write(each((n) => [n, 0, 0, position + 1]));
    const next = device.scope(() => {
      const rows = { tokens: ids, positions: positions.tensor, wanted: wanted.tensor, runs };
      const step = cache.prepare(rows);
      const { logits } = model.forward(rows, step);
      step.commit();
      return sample({ logits, settings: settings.tensor, keys: keys.tensor });
    });
    ids.dispose();
    ids = next;
    await read;
    read = ids.read();
  }
  await read;
  const us = (1000 * (performance.now() - start)) / tokens;
  for (const tensor of [ids, positions.tensor, wanted.tensor, settings.tensor, keys.tensor]) tensor.dispose();
  cache.dispose();
  return us;
}
