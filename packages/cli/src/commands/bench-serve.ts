import { writeFile } from "node:fs/promises";
import { Option } from "commander";
import { benchServer } from "../bench/bench-server.js";
import { systemClock } from "../bench/clock.js";
import { type PlanOptions } from "../bench/plan-load.js";
import { htmlReport } from "../bench/report-html.js";
import { textReport } from "../bench/report-text.js";
import { type AddCommand } from "../command.js";
import { integer, lengthRange, number } from "../option-values.js";
import { progressDisplay } from "../progress-display.js";
import { say, type Terminal } from "../terminal.js";

interface BenchServeOptions extends PlanOptions {
  readonly model?: string;
  readonly apiKey?: string;
  readonly chat?: boolean;
  readonly longest?: number;
  readonly temperature: number;
  readonly ignoreEos?: boolean;
  readonly warmup: number;
  readonly timeout: number;
  readonly ttftSlo?: number;
  readonly tpotSlo?: number;
  readonly json?: string;
  readonly html?: string;
}

const definitions = `
What is measured, with one monotonic clock, of streamed answers:
  TTFT        first text of the answer - intended send (time to first token)
  TBT         gap between two parts of an answer (time between tokens, ITL)
  TPOT        (last token - first token) / (output tokens - 1)
  end to end  end of the answer - intended send
  send lag    real send - intended send: large when this machine is too slow
Percentiles are of answered requests; failed ones are counted by kind.

With --rate and --trace requests go out at their times, however many are under
way, and latencies count from the intended send, so that waiting shows. With
--concurrency a client sends when its last answer has ended: that measures
throughput, not queues.

Examples:
  whittle bench serve http://127.0.0.1:8000 --concurrency 8 --requests 200
  whittle bench serve http://127.0.0.1:8000 --rate 2 --prompt-tokens 64-256 \\
    --html report.html
  whittle bench serve https://api.example.com --model some-model --chat \\
    --trace AzureLLMInferenceTrace_conv.csv --speed 4 --requests 500`;

/** `whittle bench serve <url>`: a load on any OpenAI-compatible server, measured. */
export const benchServe: AddCommand = (program, terminal) => {
  program
    .command("bench")
    .description("measurements: bench serve puts a load on an OpenAI-compatible server")
    .command("serve")
    .description("puts a load on any OpenAI-compatible server: latencies, throughput, errors")
    .argument("<url>", "where the server is, e.g. http://127.0.0.1:8000")
    .option("--model <name>", "which model (default: the first that /v1/models lists)")
    .option("--api-key <key>", "sent as a bearer token (default: the variable OPENAI_API_KEY)")
    .option("--chat", "/v1/chat/completions instead of /v1/completions")
    .option(
      "--concurrency <n>",
      "so many clients at a time, in a closed loop (the default, with 8)",
      integer(1, 100_000),
    )
    .option("--rate <r>", "requests per second as a Poisson process, in an open loop", number(0.001, 100_000))
    .option("--trace <file>", "requests of a trace: CSV as Azure's, JSON lines as Mooncake's")
    .option("--speed <x>", "plays a trace x times as fast", number(0.001, 100_000), 1)
    .option("--requests <n>", "how many (default: 100, or the whole trace)", integer(1))
    .addOption(lengthOption("--prompt-tokens <n>", "tokens of a prompt, one number or a range", "64-256"))
    .addOption(lengthOption("--output-tokens <n>", "tokens of an answer at most, one number or a range", "16-64"))
    .option(
      "--longest <tokens>",
      "leaves longer requests out (default: the model's context, if the server tells)",
      integer(2),
    )
    .option("--temperature <t>", "0 takes the most probable token", number(0, 100), 0)
    .option("--ignore-eos", "every answer as long as it may be (vLLM and whittle know the field)")
    .option("--warmup <n>", "requests before the measurement, one by one", integer(0), 2)
    .option("--timeout <seconds>", "what takes longer has failed", number(0.001, 86_400), 300)
    .option("--seed <n>", "of lengths, prompts and arrivals", integer(0), 1)
    .option("--ttft-slo <ms>", "reports the share of requests within it", number(0, 1e9))
    .option("--tpot-slo <ms>", "reports the share of requests within it", number(0, 1e9))
    .option("--json <file>", "writes everything that was measured; - prints it instead of the table")
    .option("--html <file>", "writes a report with plots")
    .addHelpText("after", definitions)
    .action((url: string, options: BenchServeOptions) => run(url, options, terminal));
};

function lengthOption(flags: string, description: string, range: string): Option {
  return new Option(flags, description).argParser(lengthRange).default(lengthRange(range), range);
}

async function run(url: string, options: BenchServeOptions, terminal: Terminal): Promise<void> {
  const stopper = new AbortController();
  const stopListening = terminal.onInterrupt((signal) => {
    terminal.exitCode = signal === "SIGINT" ? 130 : 143;
    stopper.abort();
  });
  const progress = progressDisplay(terminal);
  let done = 0;
  try {
    const { ttftSlo, tpotSlo, warmup, timeout, apiKey = process.env["OPENAI_API_KEY"], ...rest } = options;
    const report = await benchServer(
      {
        ...rest,
        url,
        ...(apiKey !== undefined && { apiKey }),
        chat: options.chat ?? false,
        ignoreEos: options.ignoreEos ?? false,
        warmUp: warmup,
        timeoutMs: timeout * 1000,
        slo: { ...(ttftSlo !== undefined && { ttftMs: ttftSlo }), ...(tpotSlo !== undefined && { tpotMs: tpotSlo }) },
      },
      {
        clock: systemClock,
        signal: stopper.signal,
        say: (line) => say(terminal, line),
        onOutcome: (_outcome, total) => progress.listener({ stage: "requests", done: ++done, total, unit: "requests" }),
      },
    );
    progress.stop();
    if (options.html !== undefined) await writeFile(options.html, htmlReport(report));
    const json = `${JSON.stringify(report, null, 2)}\n`;
    if (options.json !== undefined && options.json !== "-") await writeFile(options.json, json);
    terminal.stdout.write(options.json === "-" ? json : textReport(report));
    if (report.summary.requests.answered === 0 && terminal.exitCode === 0) terminal.exitCode = 1;
  } finally {
    progress.stop();
    stopListening();
  }
}
