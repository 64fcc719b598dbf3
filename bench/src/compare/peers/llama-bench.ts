import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";
import { median } from "../../shared/statistics.js";
import { efforts, formats } from "../plan.js";
import { type Answers, type Asked, type Job } from "../side.js";
import { llamaCppWays } from "./llama-cpp-ways.js";
import { type Peer } from "./peer.js";
import { realTimeLauncher } from "./real-time-launcher.js";

const program = process.env["WHITTLE_LLAMA_BENCH"] ?? "llama-bench";

/** llama.cpp's own benchmark: its engine without Node, without sampling, without reading what it made. Packages: `llama.cpp-tools` of Debian's unstable; or built from source. */
export const llamaBench: Peer = {
  name: "llama-bench",
  formats,
  works: ["prefill", "decode"],
  streams: false,
  prepare() {
    try {
      execFileSync(program, ["--help"], { stdio: "ignore" });
      return undefined;
    } catch {
      return "not found; put llama.cpp's llama-bench on the PATH, or its path in WHITTLE_LLAMA_BENCH";
    }
  },
  ways: (work, effort) => llamaCppWays(work, effort).map(({ name }) => name),
  goal: () => 1.1,
  async start({ file, shape }) {
    const ways = new Map(llamaCppWays("decode", efforts[shape]).map((way) => [way.name, way]));
    const launcher = realTimeLauncher();
    const run = async (way: string, asked: Readonly<Record<string, number>>): Promise<number[]> => {
      const { threads, flashAttention } = ways.get(way)!;
      const options = { "-m": file, "-t": threads, "-fa": Number(flashAttention), "-ngl": 0, "-o": "json", ...asked };
      const [command, ...args] = [...launcher, program, ...Object.entries(options).flat().map(String)];
      const { stdout } = await promisify(execFile)(command!, args);
      return (JSON.parse(stdout) as [{ samples_ns: number[] }])[0].samples_ns;
    };
    const answer = async (job: Job): Promise<Answers["prefill"] | Answers["decode"]> => {
      switch (job.kind) {
        case "prefill": {
          const times = await run(job.way, { "-p": job.promptTokens, "-n": 0, "-r": job.times });
          return { ms: median(times) / 1e6 };
        }
        case "decode": {
          const times = await run(job.way, { "-p": 0, "-n": job.newTokens, "-d": job.promptTokens, "-r": job.times });
          return { tokensPerSecond: (job.newTokens * times.length * 1e9) / times.reduce((sum, ns) => sum + ns, 0) };
        }
        default:
          throw new Error(`llama-bench cannot do ${job.kind}`);
      }
    };
    return { do: answer as Asked["do"], async stop() {} };
  },
};
