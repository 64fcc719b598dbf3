// `npm run bench -- event-loop`: is a server's event loop free while it works? 8 long requests run on random weights of a real shape; the delay of the server's event loop
// stands beside that of a process that does nothing, on the quiet machine, while the server works, and while it is posted prompts of 1 MB besides. Options: --shape, --dtype, --clients 8, --prompt 512, --tokens 128.
import { parseArgs } from "node:util";
import { askHealth, longRequest, postMegabytes } from "./event-loop/clients.js";
import { type Delays } from "./event-loop/delays.js";
import { measured, MeasuredProcess } from "./event-loop/measured-process.js";
import { serverProcess } from "./event-loop/server-process.js";
import { thisMachine } from "./shared/machine.js";
import { randomCheckpoint, type ShapeName } from "./shared/random-checkpoint.js";
import { writeResults } from "./shared/results.js";
import { median, percentile } from "./shared/statistics.js";

const { values: options } = parseArgs({
  options: {
    role: { type: "string", default: "driver" },
    folder: { type: "string", default: "" },
    shape: { type: "string", default: "SmolLM-135M" },
    dtype: { type: "string", default: "bf16" },
    clients: { type: "string", default: "8" },
    prompt: { type: "string", default: "512" },
    tokens: { type: "string", default: "128" },
  },
});
const goalMs = 20;
const quietMs = 3000;
const healthEveryMs = 50;

if (options.role === "idle") await measured("ready");
else if (options.role === "server") await serverProcess(options.folder);
else await drive();

async function drive(): Promise<void> {
  const machine = thisMachine();
  const { shape, dtype } = options;
  const folder = await randomCheckpoint({ shape: shape as ShapeName, dtype: dtype as "bf16" });
  const idle = await MeasuredProcess.start("idle");
  const server = await MeasuredProcess.start("server", ["--folder", folder]);
  const { url, model } = server.ready as { url: string; model: string };

  const quiet = await both(idle, server, () => new Promise((resolve) => setTimeout(resolve, quietMs)));
  const over = new AbortController();
  const health = askHealth(url, healthEveryMs, over.signal);
  const start = performance.now();
  let tokens = 0;
  let asked = 0;
  const longRequests = (): Promise<number[]> =>
    Promise.all(
      Array.from({ length: Number(options.clients) }, () => {
        const seed = asked++;
        const prompt = `${seed} `.padEnd(Number(options.prompt), "x");
        return longRequest(url, { model, prompt, max_tokens: Number(options.tokens), seed });
      }),
    );
  const loaded = await both(idle, server, async () => {
    for (const count of await longRequests()) tokens += count;
  });
  const seconds = (performance.now() - start) / 1000;
  over.abort();
  const healthMs = await health;

  let megabytes = 0;
  const posted = await both(idle, server, async () => {
    const enough = new AbortController();
    const posting = postMegabytes(url, model, enough.signal);
    await Promise.race([longRequests(), posting]);
    enough.abort();
    megabytes = await posting;
  });
  await Promise.all([idle.stop(), server.stop()]);

  const { p99 } = loaded.server;
  const results = {
    machine,
    model: { shape, dtype },
    load: { ...numbersOf("clients", "prompt", "tokens"), seconds, tokensPerSecond: tokens / seconds },
    delayMs: {
      quietMachine: { idle: quiet.idle, server: quiet.server },
      underLoad: { idle: loaded.idle, server: loaded.server },
      underLoadAndMegabytes: { megabytes, idle: posted.idle, server: posted.server },
    },
    healthLiveMs: {
      samples: healthMs.length,
      p50: median(healthMs),
      p99: percentile(healthMs, 99),
      max: Math.max(...healthMs),
    },
    p99AboveIdleMs: {
      onQuietMachine: p99 - quiet.idle.p99,
      besideTheServer: p99 - loaded.idle.p99,
      withMegabytes: posted.server.p99 - posted.idle.p99,
      goal: goalMs,
    },
  };
  console.log(
    `${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Node ${machine.node}; ${shape} ${dtype}`,
  );
  console.log(
    `${options.clients} requests of ${options.prompt} + ${options.tokens} tokens: ${seconds.toFixed(1)} s, ${(tokens / seconds).toFixed(0)} tokens/s\n`,
  );
  console.log(`event loop delay, ms ${["p50", "p99", "max"].map((head) => head.padStart(8)).join("")}`);
  row("idle, quiet machine", quiet.idle);
  row("server, no request", quiet.server);
  row("idle, beside the load", loaded.idle);
  row("server, under load", loaded.server);
  row("/health/live answers", results.healthLiveMs);
  row("idle, beside 1 MB", posted.idle);
  row("server, 1 MB posted", posted.server);
  const { onQuietMachine, besideTheServer, withMegabytes } = results.p99AboveIdleMs;
  console.log(
    `\nThe server's p99 is ${onQuietMachine.toFixed(1)} ms above an idle process on the quiet machine, ${besideTheServer.toFixed(1)} ms above one beside it, ` +
      `${withMegabytes.toFixed(1)} ms while ${megabytes} prompts of 1 MB are posted as well (goal: ${goalMs}).`,
  );
  writeResults("event-loop", results);
}

async function both(
  idle: MeasuredProcess,
  server: MeasuredProcess,
  work: () => Promise<unknown>,
): Promise<{ idle: Delays; server: Delays }> {
  idle.begin();
  server.begin();
  await work();
  const [ofIdle, ofServer] = await Promise.all([idle.end(), server.end()]);
  return { idle: ofIdle, server: ofServer };
}

function numbersOf(...names: ("clients" | "prompt" | "tokens")[]): Record<string, number> {
  return Object.fromEntries(names.map((name) => [name, Number(options[name])]));
}

function row(name: string, { p50, p99, max }: { p50: number; p99: number; max: number }): void {
  console.log(`${name.padEnd(22)}${[p50, p99, max].map((value) => value.toFixed(2).padStart(8)).join("")}`);
}
