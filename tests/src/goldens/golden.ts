import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type CausalLM, type CacheStep, type Device, openCheckpoint, packed, readTensorBytes } from "@whittle/core";
import { floatCache } from "@whittle/kvcache";

const root = fileURLToPath(new URL("../../fixtures/goldens/", import.meta.url));

/** What transformers computed from one of the committed checkpoints; see tools/goldens. */
export interface Golden {
  readonly name: string;
  readonly folder: string;
  readonly ids: Int32Array;
  /** `[ids, vocab]`. */
  readonly logits: Float32Array;
  readonly logitStd: number;
  readonly attentionEntropy: number;
  readonly greedy: { readonly promptLength: number; readonly ids: readonly number[] };
}

export async function goldenNames(): Promise<string[]> {
  return (await readdir(root)).sort();
}

export async function readGolden(name: string): Promise<Golden> {
  const folder = `${root}${name}`;
  const { tensors } = await openCheckpoint(`${folder}/golden.safetensors`);
  const bytes = async (tensor: string): Promise<ArrayBuffer> =>
    Uint8Array.from(await readTensorBytes(tensors.get(tensor)!)).buffer;
  const facts = JSON.parse(readFileSync(`${folder}/golden.json`, "utf8"));
  return {
    ...facts,
    name,
    folder,
    ids: new Int32Array(await bytes("ids")),
    logits: new Float32Array(await bytes("logits")),
  };
}

/** Logits of every position, all rows in one step. `positions` are those of a faultless caller unless given. */
export async function logitsOf(
  model: CausalLM,
  device: Device,
  ids: Int32Array,
  positions = Int32Array.from(ids.keys()),
): Promise<Float32Array> {
  const cache = packed(model.shape.layers, device);
  const { sequence } = cache.open();
  return step(model, device, { sequence, ids, positions, wanted: [...ids.keys()] }, (rows) => cache.prepare(rows));
}

interface StepRows {
  sequence: number;
  ids: ArrayLike<number>;
  positions: ArrayLike<number>;
  wanted: readonly number[];
}

/** One forward pass over rows of one sequence; logits of the wanted rows. */
export async function step(
  model: CausalLM,
  device: Device,
  { sequence, ids, positions, wanted }: StepRows,
  prepare: (rows: Parameters<CausalLM["forward"]>[0]) => CacheStep,
): Promise<Float32Array> {
  const rows = {
    tokens: device.tensor(ids, [ids.length], "i32"),
    positions: device.tensor(positions, [ids.length], "i32"),
    runs: [{ sequence, from: 0, count: ids.length, held: false }],
    wanted: device.tensor(wanted, [wanted.length], "i32"),
  };
  const prepared = prepare(rows);
  const logits = device.scope(() => model.forward(rows, prepared).logits);
  const values = (await logits.read()) as Float32Array;
  prepared.commit();
  for (const tensor of [logits, rows.tokens, rows.positions, rows.wanted]) tensor.dispose();
  return values;
}

/** What a model adds greedily to a golden's prompt, from a paged cache that is filled in chunks. */
export async function continueGreedily(model: CausalLM, device: Device, { ids, greedy }: Golden): Promise<number[]> {
  const cache = floatCache({ blockSize: 16 })(model.shape.layers, device, 2 ** 20);
  const { sequence } = cache.open();
  const next = async (chunk: ArrayLike<number>, at: number): Promise<number> => {
    const positions = Array.from(chunk, (_, i) => at + i);
    const logits = await step(model, device, { sequence, ids: chunk, positions, wanted: [chunk.length - 1] }, (rows) =>
      cache.prepare(rows),
    );
    return logits.indexOf(logits.reduce((a, b) => Math.max(a, b)));
  };
  const prompt = ids.subarray(0, greedy.promptLength);
  const chosen: number[] = [];
  let token = 0;
  for (let at = 0; at < prompt.length; at += 11) token = await next(prompt.subarray(at, at + 11), at);
  while (chosen.push(token) < greedy.ids.length) token = await next([token], prompt.length + chosen.length - 1);
  cache.dispose();
  return chosen;
}

/** max|difference| / max|logit|: what the goldens are held to. NaN if anything is NaN. */
export function distance(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const off = Math.abs(actual[i]! - expected[i]!);
    if (Number.isNaN(off)) return NaN;
    difference = Math.max(difference, off);
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return difference / largest;
}

export const TOLERANCE = 1e-4;

/** Whether logits are those of transformers, as far as float32 allows. */
export function agrees(actual: ArrayLike<number>, golden: Golden): boolean {
  return distance(actual, golden.logits) <= TOLERANCE;
}
