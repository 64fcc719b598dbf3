// `npm run bench -- cuda-serve`: a server on the CUDA device, random weights of a real shape: tokens/s of its streams at several numbers of clients, and how long its event loop
// keeps a timer waiting meanwhile. Options: --shape TinyLlama-1.1B, --dtype bf16, --clients 1,8,64, --prompt 128, --tokens 256, --rounds 3.
import { parseArgs } from "node:util";
import { cudaInfo } from "@whittle/kernels";
import { longRequest } from "./event-loop/clients.js";
import { type Delays } from "./event-loop/delays.js";
import { measured, MeasuredProcess } from "./event-loop/measured-process.js";
import { serverProcess } from "./event-loop/server-process.js";
import { thisMachine } from "./shared/machine.js";
import { randomCheckpoint, type ShapeName } from "./shared/random-checkpoint.js";
import { writeResults } from "./shared/results.js";
import { median } from "./shared/statistics.js";

const { values: options } = parseArgs({
  options: {
    role: { type: "string", default: "driver" },
    folder: { type: "string", default: "" },
    shape: { type: "string", default: "TinyLlama-1.1B" },
    dtype: { type: "string", default: "bf16" },
    clients: { type: "string", default: "1,8,64" },
    prompt: { type: "string", default: "128" },
    tokens: { type: "string", default: "256" },
    rounds: { type: "string", default: "3" },
  },
});
const goalMs = 20;

if (options.role === "idle") await measured("ready");
else if (options.role === "server") await serverProcess(options.folder, { on: "cuda", maxSequences: 64 });
else await drive();

interface Figure {
  readonly clients: number;
  readonly tokensPerSecond: number;
  readonly delayMs: { readonly server: Delays; readonly idle: Delays };
}

async function drive(): Promise<void> {
  const machine = thisMachine();
  const gpu = cudaInfo().devices[0]?.name ?? "no GPU";
  const { shape, dtype } = options;
  const folder = await randomCheckpoint({ shape: shape as ShapeName, dtype: dtype as "bf16" });
  const idle = await MeasuredProcess.start("idle");
  const server = await MeasuredProcess.start("server", ["--folder", folder]);
  const { url, model, loadMs } = server.ready as { url: string; model: string; loadMs: number };
  console.log(
    `${gpu}; ${machine.processor}, ${machine.cores} cores, Node ${machine.node}; ${shape} ${dtype}, loaded in ${loadMs.toFixed(0)} ms`,
  );
  console.log(`${options.prompt} + ${options.tokens} tokens a request, medians of ${options.rounds}\n`);
  console.log(
    `${["clients", "tokens/s", "delay p50", "p99", "max", "idle p99"].map((head) => head.padStart(10)).join("")}   ms`,
  );
  const figures: Figure[] = [];
  let asked = 0;
  const round = async (clients: number): Promise<number> => {
    const start = performance.now();
    const counts = await Promise.all(
      Array.from({ length: clients }, () => {
        const seed = asked++;
        const prompt = `${seed} `.padEnd(Number(options.prompt), "x");
        return longRequest(url, { model, prompt, max_tokens: Number(options.tokens), seed });
      }),
    );
    return (1000 * counts.reduce((sum, count) => sum + count, 0)) / (performance.now() - start);
  };
  for (const clients of options.clients.split(",").map(Number)) {
    // What is new to the device (shapes, graphs) is made once.
    await round(clients);
    idle.begin();
    server.begin();
    const rates: number[] = [];
    for (let i = 0; i < Number(options.rounds); i++) rates.push(await round(clients));
    const [ofIdle, ofServer] = await Promise.all([idle.end(), server.end()]);
    figures.push({ clients, tokensPerSecond: median(rates), delayMs: { server: ofServer, idle: ofIdle } });
    const numbers = [clients, median(rates), ofServer.p50, ofServer.p99, ofServer.max, ofIdle.p99];
    console.log(numbers.map((value, i) => value.toFixed(i < 2 ? 0 : 2).padStart(10)).join(""));
  }
  await Promise.all([idle.stop(), server.stop()]);
  writeResults("cuda-serve", {
    machine,
    gpu,
    model: { shape, dtype },
    prompt: options.prompt,
    tokens: options.tokens,
    loadMs,
    goalMs,
    figures,
  });
}
