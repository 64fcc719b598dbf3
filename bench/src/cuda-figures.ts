// `npm run bench -- cuda-figures`: decode and prefill of a LLaMA of 7B parameters with random weights on the CUDA device, beside what the GPU's memory and matrix
// units do in the same run, and beside PyTorch where python3 has it.
// Options: --batches 1,32, --context 512, --tokens 64, --prefill 4096, --weights bf16,q8_0,q4_0, --layers 32, --peers on|compiled|off, --emulated (tiny sizes, to try the program).
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { cuda, cudaInfo } from "@whittle/kernels";
import { gpuLimits } from "./cuda-figures/gpu-limits.js";
import { type LinearDType, randomModel } from "./cuda-figures/random-model.js";
import { Sequences } from "./cuda-figures/sequences.js";
import { interleaved } from "./shared/interleaved.js";
import { stepCost } from "./shared/llama-costs.js";
import { thisMachine } from "./shared/machine.js";
import { writeResults } from "./shared/results.js";
import { median } from "./shared/statistics.js";

const { values: options } = parseArgs({
  options: {
    batches: { type: "string", default: "1,32" },
    context: { type: "string", default: "512" },
    tokens: { type: "string", default: "64" },
    prefill: { type: "string", default: "4096" },
    weights: { type: "string", default: "bf16,q8_0,q4_0" },
    layers: { type: "string", default: "32" },
    peers: { type: "string", default: "on" },
    emulated: { type: "boolean", default: false },
  },
});
const sizes = options.emulated
  ? { hiddenSize: 64, layers: 2, heads: 2, kvHeads: 1, headDim: 32, intermediateSize: 128, vocabSize: 300 }
  : {
      hiddenSize: 4096,
      layers: Number(options.layers),
      heads: 32,
      kvHeads: 32,
      headDim: 128,
      intermediateSize: 11_008,
      vocabSize: 32_000,
    };
const [context, tokens, prefillTokens] = [options.context, options.tokens, options.prefill].map(Number) as [
  number,
  number,
  number,
];
const rounds = 5;

const machine = thisMachine();
const gpu = cudaInfo({ emulated: options.emulated }).devices[0]?.name ?? "no GPU";
console.log(
  `${gpu}; ${machine.processor}, ${machine.cores} cores, Node ${machine.node}; random LLaMA, ${JSON.stringify(sizes)}\n`,
);

const device = await cuda({ emulated: options.emulated });
const limits = options.emulated ? { readGBps: 1, copyGBps: 1, bf16Tflops: 1 } : await measureLimits();
console.log(
  `limits: reading ${limits.readGBps.toFixed(0)} GB/s, copying ${limits.copyGBps.toFixed(0)} GB/s, bf16 product ${limits.bf16Tflops.toFixed(0)} TFLOP/s\n`,
);

interface Decode {
  readonly weights: LinearDType;
  readonly batch: number;
  readonly stepMs: number;
  readonly tokensPerSecond: number;
  readonly gigabytesPerSecond: number;
  readonly ofRead: number;
  readonly ofCopy: number;
}
const decode: Decode[] = [];
const prefill: { weights: LinearDType; milliseconds: number; tflops: number; ofBf16: number }[] = [];
for (const weights of options.weights.split(",") as LinearDType[]) await measure(weights);
await device.close();

// Before the peers, which take long and may fail.
write(undefined);
const torch = options.peers === "off" ? undefined : runTorch();
if (torch) {
  console.log(`PyTorch: ${JSON.stringify(torch)}`);
  write(torch);
}

function write(peers: unknown): void {
  if (options.emulated) return;
  writeResults("cuda-figures", {
    machine,
    gpu,
    sizes,
    context,
    tokens,
    limits,
    decode,
    prefillTokens,
    prefill,
    torch: peers,
  });
}

async function measureLimits(): Promise<{ readGBps: number; copyGBps: number; bf16Tflops: number }> {
  const { read, copy, bf16, dispose } = gpuLimits(device);
  const times = await interleaved([read, copy, bf16], rounds);
  dispose();
  const figure = ({ name, figure: of }: typeof read): number => of(times.get(name)!);
  return { readGBps: figure(read), copyGBps: figure(copy), bf16Tflops: figure(bf16) };
}

async function measure(weights: LinearDType): Promise<void> {
  const { model, weightBytes, dispose } = randomModel(sizes, device, weights);
  await device.sync();
  for (const batch of options.batches.split(",").map(Number)) {
    const sequences = new Sequences(model, device, {
      count: batch,
      longest: context + tokens + 16,
      cacheDType: "bf16",
    });
    sequences.prefill(context, (n, i) => (n * 977 + i * 31) % sizes.vocabSize);
    for (let i = 0; i < 8; i++) sequences.decode();
    await sequences.read();
    const start = performance.now();
    let ids: Promise<unknown> | undefined;
    for (let i = 0; i < tokens; i++) {
      sequences.decode();
      // As the engine does it: one step is read while the next runs.
      const next = sequences.read();
      await ids;
      ids = next;
    }
    await ids;
    const stepMs = (performance.now() - start) / tokens;
    sequences.dispose();
    const cacheBytes = stepCost(sizes, 1, context + 8 + tokens / 2, { weight: 0, cache: 2 }).bytes * batch;
    const gigabytesPerSecond = (weightBytes + cacheBytes) / stepMs / 1e6;
    const figure = {
      weights,
      batch,
      stepMs,
      tokensPerSecond: (1000 * batch) / stepMs,
      gigabytesPerSecond,
      ofRead: gigabytesPerSecond / limits.readGBps,
      ofCopy: gigabytesPerSecond / limits.copyGBps,
    };
    decode.push(figure);
    console.log(
      `decode ${weights.padEnd(5)} batch ${String(batch).padStart(3)}: ${stepMs.toFixed(2)} ms, ${figure.tokensPerSecond.toFixed(0)} tokens/s, ${gigabytesPerSecond.toFixed(0)} GB/s, ${(100 * figure.ofRead).toFixed(0)} % of reading`,
    );
  }
  if (prefillTokens > 0) {
    const times: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      const sequences = new Sequences(model, device, { count: 1, longest: prefillTokens, cacheDType: "bf16" });
      await device.sync();
      const start = performance.now();
      sequences.prefill(prefillTokens, (_, i) => (i * 31 + round) % sizes.vocabSize);
      await sequences.read();
      if (round > 0) times.push(performance.now() - start);
      sequences.dispose();
    }
    const milliseconds = median(times);
    const tflops = stepCost(sizes, prefillTokens, 0, { weight: 2, cache: 2 }).flops / milliseconds / 1e9;
    prefill.push({ weights, milliseconds, tflops, ofBf16: tflops / limits.bf16Tflops });
    console.log(
      `prefill ${weights.padEnd(5)} ${prefillTokens} tokens: ${milliseconds.toFixed(1)} ms, ${tflops.toFixed(0)} TFLOP/s, ${((100 * tflops) / limits.bf16Tflops).toFixed(0)} % of the product's rate`,
    );
  }
  dispose();
  await device.sync();
}

/** PyTorch's figures at the same sizes, once our memory is free; undefined where python3 has not got it. */
function runTorch(): unknown {
  const script = fileURLToPath(new URL("../peers/torch-decode.py", import.meta.url));
  const args = [
    script,
    "--sizes",
    JSON.stringify(sizes),
    "--batches",
    options.batches,
    "--context",
    options.context,
    "--tokens",
    options.tokens,
    "--prefill",
    options.prefill,
  ];
  if (options.peers === "compiled") args.push("--compiled", "1");
  if (options.emulated) args.push("--device", "cpu");
  try {
    const lines = execFileSync("python3", args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] })
      .trim()
      .split("\n");
    return JSON.parse(lines.at(-1)!);
  } catch (error) {
    console.log(`PyTorch: left out (${(error as Error).message.split("\n")[0]})`);
    return undefined;
  }
}
