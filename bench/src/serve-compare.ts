// `npm run bench -- serve-compare`: Whittle's server beside node-llama-cpp behind a minimal HTTP server: the same random weights, the same tokens, the same load generator
// (`whittle bench serve`), taking turns. Time to first token, time between tokens and tokens per second.
// Options: --shape SmolLM-135M, --dtype bf16, --clients 1,8,32, --prompt 128, --tokens 64, --requests 2 (for each client), --rounds 3,
// --peer-threads 0 (as many as it likes; its threads wait for each other by spinning, so that on a busy machine one may be faster than two).
import { parseArgs } from "node:util";
import { MeasuredProcess } from "./event-loop/measured-process.js";
import { serverProcess } from "./event-loop/server-process.js";
import { ggufOf } from "./shared/gguf-of.js";
import { load, type LoadSummary } from "./serve-compare/load.js";
import { installPeers, startPeer } from "./serve-compare/peer.js";
import { answersAgree } from "./serve-compare/same-answers.js";
import { thisMachine } from "./shared/machine.js";
import { randomCheckpoint, type ShapeName } from "./shared/random-checkpoint.js";
import { writeResults } from "./shared/results.js";
import { median } from "./shared/statistics.js";

const { values: options } = parseArgs({
  options: {
    role: { type: "string", default: "driver" },
    folder: { type: "string", default: "" },
    shape: { type: "string", default: "SmolLM-135M" },
    dtype: { type: "string", default: "bf16" },
    clients: { type: "string", default: "1,8,32" },
    prompt: { type: "string", default: "128" },
    tokens: { type: "string", default: "64" },
    requests: { type: "string", default: "2" },
    rounds: { type: "string", default: "3" },
    "peer-threads": { type: "string", default: "0" },
  },
});

if (options.role === "server") await serverProcess(options.folder);
else await drive();

async function drive(): Promise<void> {
  const machine = thisMachine();
  const { shape, dtype } = options;
  const counts = options.clients.split(",").map(Number);
  const [promptTokens, outputTokens] = [Number(options.prompt), Number(options.tokens)];
  installPeers();
  const folder = await randomCheckpoint({ shape: shape as ShapeName, dtype: dtype as "bf16" });
  const gguf = await ggufOf(folder);
  const whittle = await MeasuredProcess.start("server", ["--folder", folder]);
  const { url, model } = whittle.ready as { url: string; model: string };
  // The load generator's texts may be a little longer than asked for.
  const contextTokens = Math.ceil((promptTokens * 1.25 + outputTokens) / 32) * 32;
  const threads = Number(options["peer-threads"]);
  const peer = await startPeer({ gguf, sequences: Math.max(...counts), contextTokens, threads });
  const servers = { whittle: url, "node-llama-cpp": peer.url };
  const { agree, tokens } = await answersAgree(Object.values(servers), model);
  console.log(`${machine.processor}, ${machine.cores} cores, Node ${machine.node}; ${shape} ${dtype}`);
  console.log(`The first ${tokens} greedy tokens of both ${agree ? "are the same" : "DIFFER"}.\n`);

  const rows = [];
  for (const clients of counts) {
    const found = new Map(Object.keys(servers).map((name) => [name, [] as LoadSummary[]]));
    for (let round = 0; round < Number(options.rounds); round++) {
      for (const [name, address] of Object.entries(servers)) {
        const requests = Math.max(4, clients * Number(options.requests));
        found.get(name)!.push(await load(address, { clients, requests, promptTokens, outputTokens, seed: round }));
      }
    }
    for (const [name, summaries] of found) {
      const middle = (of: (summary: LoadSummary) => number) => median(summaries.map(of));
      const row = {
        server: name,
        clients,
        ttftMs: { p50: middle(({ ttftMs }) => ttftMs.p50), p99: middle(({ ttftMs }) => ttftMs.p99) },
        tbtMs: { p50: middle(({ tbtMs }) => tbtMs.p50), p99: middle(({ tbtMs }) => tbtMs.p99) },
        totalTokensPerSecond: middle((summary) => summary.totalTokensPerSecond),
        outputTokensPerSecond: middle((summary) => summary.outputTokensPerSecond),
        promptTokens: middle((summary) => summary.promptTokens),
        outputTokens: middle((summary) => summary.outputTokens),
      };
      rows.push(row);
      print(row);
    }
  }
  await whittle.stop();
  await peer.stop();
  const settings = { shape, dtype, promptTokens, outputTokens, requestsPerClient: Number(options.requests) };
  writeResults("serve-compare", {
    machine,
    ...settings,
    rounds: Number(options.rounds),
    sameGreedyTokens: agree,
    rows,
  });
}

function print({ server, clients, ttftMs, tbtMs, totalTokensPerSecond, outputTokensPerSecond }: Row): void {
  const ms = ({ p50, p99 }: Row["ttftMs"]): string => `${p50.toFixed(0)} / ${p99.toFixed(0)}`.padStart(15);
  console.log(
    `${server.padEnd(15)} ${String(clients).padStart(3)} clients   TTFT p50/p99 ms ${ms(ttftMs)}   TBT ${ms(tbtMs)}   ` +
      `${totalTokensPerSecond.toFixed(0).padStart(6)} tokens/s in all, ${outputTokensPerSecond.toFixed(0).padStart(5)} written`,
  );
}

interface Row {
  readonly server: string;
  readonly clients: number;
  readonly ttftMs: { readonly p50: number; readonly p99: number };
  readonly tbtMs: { readonly p50: number; readonly p99: number };
  readonly totalTokensPerSecond: number;
  readonly outputTokensPerSecond: number;
}
