import { cpuInfo } from "@whittle/kernels";
import { createHandler, type Engine, listen, type Listening } from "@whittle/serving";
import { formatBytes } from "../byte-size.js";
import { type AddCommand } from "../command.js";
import { describeFailure } from "../failure.js";
import { addCacheOptions, type CacheOptions, modelFolder } from "../model-options.js";
import { openModel } from "../open-model.js";
import { integer } from "../option-values.js";
import { plural } from "../plural.js";
import { startEngine } from "../start-engine.js";
import { say, type Terminal } from "../terminal.js";

interface ServeOptions extends CacheOptions {
  readonly port: number;
  readonly host: string;
  readonly name?: string;
  readonly maxSequences: number;
}

/** How long requests under way may take to finish after the first signal. */
const graceMs = 300_000;

/** `whittle serve <folder>`: an OpenAI-compatible server. */
export const serve: AddCommand = (program, terminal) => {
  const command = program
    .command("serve")
    .description(
      "an OpenAI-compatible server: /v1/completions, /v1/chat/completions, /v1/models, /health/live, /health/ready",
    )
    .argument(...modelFolder)
    .option("--port <n>", "where it listens; 0 takes any free port", integer(0, 65_535), 8000)
    .option("--host <address>", "who reaches it; the default is this machine alone, 0.0.0.0 is everyone", "127.0.0.1")
    .option("--name <name>", "what requests call the model (default: the folder's name)")
    .option("--max-sequences <n>", "requests that run at once; more wait", integer(1), 32)
    .addHelpText(
      "after",
      "\nCtrl-C (or SIGTERM) takes no more requests and finishes those under way, for up to five minutes; a second one ends at once.",
    )
    .addHelpText("after", "\nExample:\n  whittle serve models/books-5m --port 8000");
  addCacheOptions(command).action((folder: string, options: ServeOptions) => run(folder, options, terminal));
};

async function run(folder: string, options: ServeOptions, terminal: Terminal): Promise<void> {
  const { device, model, seconds } = await openModel(folder, options, terminal);
  try {
    const named = options.name === undefined ? model : { ...model, name: options.name };
    const { engine, cacheBytes } = startEngine(named, options, { maxSequences: options.maxSequences });
    const { isas, threads } = cpuInfo();
    say(terminal, `${engine.name} loaded in ${seconds.toFixed(2)} s`);
    say(
      terminal,
      `context ${engine.contextLength} tokens, cache ${formatBytes(cacheBytes)} ${options.cacheDtype}, ` +
        `${plural(options.maxSequences, "request")} at once, ${plural(options.threads ?? threads, "thread")}, ${isas.at(-1)}`,
    );
    try {
      const handler = createHandler(engine, {
        onError: (error) => say(terminal, `whittle: ${describeFailure(error)}`),
      });
      const listening = await listen({ handler, host: options.host, port: options.port });
      terminal.stdout.write(`\n${listening.url}\n\n${curlLine(listening, engine)}\n`);
      await untilStopped(listening, engine, terminal);
    } finally {
      await engine.close({ abort: true });
    }
  } finally {
    await device.close();
  }
}

/** Returns when a signal has come and all requests under way are answered. The next signal finds the process's default again, which ends it. */
async function untilStopped(listening: Listening, engine: Engine, terminal: Terminal): Promise<void> {
  await new Promise<void>((resolve) => {
    const stopListening = terminal.onInterrupt(() => {
      stopListening();
      resolve();
    });
  });
  const { running, waiting } = engine.stats();
  if (running + waiting > 0)
    say(terminal, `finishing ${plural(running + waiting, "request")}; once again to end at once`);
  await listening.close({ graceMs });
  await engine.close();
}

function curlLine({ url }: Listening, { name }: Engine): string {
  const body = JSON.stringify({ model: name, prompt: "It was a dark night", max_tokens: 100, stream: true });
  const quoted = body.replaceAll("'", `'"'"'`);
  return `curl -N ${url}/v1/completions -H 'content-type: application/json' -d '${quoted}'`;
}
