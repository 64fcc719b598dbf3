import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { add, embedding } from "@whittle/core";
import { cuda, cudaInfo } from "@whittle/kernels";
import { loadModel } from "@whittle/models";
import { afterEach, describe, expect, test, vi } from "vitest";
import { gpus, onEachDevice } from "./with-device.js";

const books = fileURLToPath(new URL("../../../models/books-5m", import.meta.url));
const script = fileURLToPath(new URL("scripts/loses-gpu.mjs", import.meta.url));

afterEach(() => vi.unstubAllEnvs());

describe("without a CUDA device", () => {
  test("the error says what is missing and what to do", async () => {
    vi.stubEnv("WHITTLE_CUDA_LIBRARY", "/absent/whittle-cuda.so");
    const error = "cuda: WHITTLE_CUDA_LIBRARY names /absent/whittle-cuda.so, which does not exist";
    await expect(cuda()).rejects.toMatchObject({ code: "cuda_missing", message: error });
    expect(cudaInfo()).toEqual({ devices: [], reason: error });
  });

  test("a library that is none is named with the reason", async () => {
    vi.stubEnv("WHITTLE_CUDA_LIBRARY", script);
    await expect(cuda()).rejects.toThrow(/^cuda: .*loses-gpu\.mjs cannot be used: .*(invalid|not).*$/);
  });
});

onEachDevice(({ name, open }) => {
  const emulated = name === "cuda-emulated";

  test("the machine's GPUs are listed, and an index beyond them is refused", async () => {
    const { devices } = cudaInfo({ emulated });
    expect(devices.length).toBeGreaterThan(0);
    for (const { capability, memoryBytes } of devices) {
      expect(capability).toBeGreaterThanOrEqual(7);
      expect(memoryBytes).toBeGreaterThan(2 ** 30);
    }
    await expect(cuda({ device: devices.length, emulated })).rejects.toThrow(
      `cuda: there is no device ${devices.length}; there are: 0 (${devices[0]!.name})`,
    );
  });

  test("activations of 16 bits are computed in", async () => {
    const device = await open();
    const a = device.tensor([1, 2.5, -3, 4], [2, 2], "bf16");
    const y = add({ a, b: a });
    expect(y.dtype).toBe("bf16");
    expect(await y.read()).toEqual(Float32Array.of(2, 5, -6, 8));
  });

  test("rounding activations for a product alone is refused, with what there is instead", async () => {
    const device = await open();
    await expect(loadModel(books, { device, bf16Activations: true })).rejects.toThrow(
      /the device "cuda" has no kernel \(linear\.bf16\); it computes in bf16 throughout with activations "bf16"$/,
    );
  });

  test("many faults of one op do not hide those of the next", async () => {
    const device = await open();
    const table = device.tensor([1, 2, 3, 4, 5, 6], [3, 2]);
    const ids = (count: number, id: number) => device.tensor(new Float32Array(count).fill(id), [count], "i32");
    const flooded = embedding({ table, ids: ids(500, 9) });
    const alsoBad = [4, 5, 6].map((id) => embedding({ table, ids: ids(100, id) }));
    const good = embedding({ table, ids: ids(500, 1) });
    await expect(flooded.read()).rejects.toThrow(/^embedding: id 9 in row \d+ is outside of the table of 3 rows$/);
    for (const tensor of alsoBad) await expect(tensor.read()).rejects.toThrow(/^embedding: id [456] in row \d+ is/);
    expect(new Set((await good.read()) as Float32Array)).toEqual(new Set([3, 4]));
    expect(await embedding({ table, ids: ids(1, 0) }).read()).toEqual(Float32Array.of(1, 2));
  });

  test("large tensors are written and read in pieces, in queue order", async () => {
    const device = await open();
    const columns = 3 * 2 ** 20;
    const values = Float32Array.from({ length: 3 * columns }, (_, i) => i % 65_521);
    const x = device.tensor(values, [3, columns]);
    const read = x.read();
    const part = x.columns(5, columns - 7).read();
    x.dispose();
    device.tensor(new Float32Array(3 * columns), [3, columns]).dispose();
    expect(Buffer.compare(Buffer.from(((await read) as Float32Array).buffer), Buffer.from(values.buffer))).toBe(0);
    const rows = [0, 1, 2].map((row) => values.subarray(row * columns + 5, (row + 1) * columns - 7));
    const expected = Buffer.concat(rows.map((row) => new Uint8Array(row.buffer, row.byteOffset, row.byteLength)));
    expect(Buffer.compare(Buffer.from(((await part) as Float32Array).buffer), expected)).toBe(0);
  });

  if (!emulated) return;

  test("a GPU that hides is missed by name", async () => {
    const program = `import("@whittle/kernels").then(({ cuda }) => cuda({ emulated: true })).catch((error) => console.log(error.message));`;
    const env = { ...process.env, CUDA_VISIBLE_DEVICES: "" };
    const { stdout } = await promisify(execFile)(process.execPath, ["-e", program], { env });
    expect(stdout.trim()).toBe(
      "cuda: there is no NVIDIA GPU here, or CUDA_VISIBLE_DEVICES hides it; use cpu() instead",
    );
  });

  // Launches of a step: one that begins it, and four; from the third step on, they are one graph.
  test.each([7, 23])("a GPU that is lost after %i launches ends all reads, not the process", async (launches) => {
    const env = { ...process.env, WHITTLE_EMULATED_LOSS: String(launches) };
    const { stdout } = await promisify(execFile)(process.execPath, [script], { env, timeout: 30_000 });
    const outcomes = JSON.parse(stdout) as string[];
    const well = Math.floor(launches / 5);
    outcomes.slice(0, well).forEach((outcome) => expect(outcome).toBe("5,10"));
    for (const outcome of outcomes.slice(well, 8))
      expect(outcome).toMatch(/^device_lost: the cuda device stopped: .*an illegal memory access was encountered$/);
    expect(outcomes[8]).toBe("2,4");
  });
}, gpus);
