// `npm run bench -- soak`: a server under clients of every manner for minutes: 64 of them with requests of random lengths, some of which cancel, leave, reset their connection
// or read slowly. Nothing may crash or leak, and whoever stays gets the text that a lone request gets. Fails otherwise.
// Options: --seconds 300, --clients 64, --seed 1, --check (prints the outcome as one line of JSON and writes no results).
import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { thisMachine } from "./shared/machine.js";
import { RandomNumbers } from "./shared/random-numbers.js";
import { writeResults } from "./shared/results.js";
import { client, Tally } from "./soak/clients.js";
import { knownRequests } from "./soak/known-requests.js";
import { serverProcess, type ServerState } from "./soak/server-process.js";

const { values: options } = parseArgs({
  options: {
    role: { type: "string", default: "driver" },
    seconds: { type: "string", default: "300" },
    clients: { type: "string", default: "64" },
    seed: { type: "string", default: "1" },
    check: { type: "boolean", default: false },
  },
});
/** Requests whose lone answers are known. */
const KNOWN = 40;
/** Points of the curve of memory. */
const SAMPLES = 60;
const SETTLE_MS = 30_000;
const MIB = 2 ** 20;

if (options.role === "server") await serverProcess();
else process.exitCode = (await drive()) ? 0 : 1;

async function drive(): Promise<boolean> {
  const [seconds, count, seed] = [Number(options.seconds), Number(options.clients), Number(options.seed)];
  const child = fork(process.argv[1]!, ["--role", "server"]);
  let exited: string | undefined;
  child.once("exit", (code, signal) => (exited = `the server ended with ${code ?? signal}`));
  const [ready] = (await once(child, "message")) as [{ url: string; model: string }];
  const ask = async (): Promise<ServerState> => {
    if (exited !== undefined) throw new Error(exited);
    const answer = once(child, "message");
    child.send("how are you?");
    return ((await answer) as [ServerState])[0];
  };

  const requests = await knownRequests(ready, KNOWN, new RandomNumbers(seed));
  const before = await ask();
  const tally = new Tally();
  const over = new AbortController();
  const clients = Array.from({ length: count }, (_, index) =>
    client({
      url: `${ready.url}/v1/completions`,
      requests,
      random: new RandomNumbers(seed, index + 1),
      tally,
      over: over.signal,
    }),
  );
  const curve: number[] = [];
  const heapMiB: number[] = [];
  for (let i = 0; i < SAMPLES; i++) {
    await sleep((seconds * 1000) / SAMPLES);
    const { rss, heap } = await ask();
    curve.push(rss / MIB);
    heapMiB.push(Math.round(heap / MIB));
  }
  over.abort();
  await Promise.all(clients);
  const after = await settled(ask);
  child.disconnect();
  if (exited === undefined) await once(child, "exit");

  // A heap goes up and down between collections: its tops are compared.
  const late = Math.ceil((SAMPLES * 2) / 3);
  const growth = Math.max(...curve.slice(late)) - Math.max(...curve.slice(0, late));
  const outcome = {
    machine: thisMachine(),
    load: { seconds, clients: count, seed },
    clients: tally.done,
    tokens: after.generatedTokens - before.generatedTokens,
    preemptions: after.preemptions,
    failedSteps: after.failedSteps,
    left: { running: after.running, waiting: after.waiting, blocks: after.blocks - after.freeBlocks },
    rssMiB: { curve: curve.map((mib) => Math.round(mib * 10) / 10), growthInLastThird: growth },
    heapMiB,
    faults: [...tally.faults, ...after.errors, ...(exited === "the server ended with 0" ? [] : [String(exited)])],
  };
  const { left } = outcome;
  const good = outcome.faults.length === 0 && after.failedSteps === 0 && Object.values(left).every((n) => n === 0);
  if (options.check) {
    console.log(JSON.stringify(outcome));
  } else {
    print(outcome);
    writeResults("soak", outcome);
  }
  return good;
}

/** How the server is once nothing runs: whoever left may take it a moment to notice. */
async function settled(ask: () => Promise<ServerState>): Promise<ServerState> {
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    const state = await ask();
    if (state.running + state.waiting === 0 || performance.now() > deadline) return state;
    await sleep(20);
  }
}

function print({ load, clients, tokens, preemptions, failedSteps, left, rssMiB, faults }: Outcome): void {
  console.log(`${load.clients} clients for ${load.seconds} s: ${tokens} tokens, ${preemptions} preemptions`);
  console.log(
    `requests: ${Object.entries(clients)
      .map(([name, n]) => `${n} ${name}`)
      .join(", ")}`,
  );
  console.log(
    `left behind: ${left.running} running, ${left.waiting} waiting, ${left.blocks} blocks; ${failedSteps} failed steps`,
  );
  const most = Math.max(...rssMiB.curve);
  const [first, last] = [rssMiB.curve[0]!, rssMiB.curve.at(-1)!];
  console.log(`\nmemory of the server (RSS), ${first} MiB to ${last} MiB, at most ${most} MiB`);
  const bars = "▁▂▃▄▅▆▇█";
  console.log(rssMiB.curve.map((mib) => bars[Math.round((mib / most) * (bars.length - 1))]).join(""));
  console.log(`in the last third its top is ${rssMiB.growthInLastThird.toFixed(1)} MiB above that of the time before`);
  console.log(faults.length === 0 ? "\nNo fault." : `\n${faults.length} faults:\n${faults.slice(0, 20).join("\n")}`);
}

interface Outcome {
  readonly load: { readonly seconds: number; readonly clients: number };
  readonly clients: Readonly<Record<string, number>>;
  readonly tokens: number;
  readonly preemptions: number;
  readonly failedSteps: number;
  readonly left: { readonly running: number; readonly waiting: number; readonly blocks: number };
  readonly rssMiB: { readonly curve: readonly number[]; readonly growthInLastThird: number };
  readonly faults: readonly string[];
}
