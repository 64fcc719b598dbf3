import { ArgumentError, type Logger } from "@whittle/core";
import { createHandler, type Engine, listen, type Listening } from "@whittle/serving";
import { Option } from "commander";
import { formatBytes } from "../byte-size.js";
import { type AddCommand } from "../command.js";
import { describeFailure } from "../failure.js";
import { activationsOption, cacheDtypeOption, deviceOption } from "../model-options.js";
import { bf16ActivationsOption, exactActivationsOption, weightsOption } from "../weights.js";
import { describeDevice, openDevice } from "../open-model.js";
import { byteSize, integer, list } from "../option-values.js";
import { plural } from "../plural.js";
import { progressDisplay, progressLines } from "../progress-display.js";
import { readServerConfig } from "../serve/config-file.js";
import { modelSource } from "../serve/model-source.js";
import { openEngines } from "../serve/open-engines.js";
import { serverLog } from "../serve/server-log.js";
import {
  logFormats,
  logLevels,
  type ModelSource,
  serverDefaults,
  type ServerOptions,
} from "../serve/server-options.js";
import { type Terminal } from "../terminal.js";

/** Flags, as the command line has them: those that were not given are absent. */
interface ServeFlags extends Partial<Omit<ServerOptions, "models" | "apiKeys" | "allowedHosts" | "allowedOrigins">> {
  readonly config?: string;
  readonly model?: readonly string[];
  readonly name?: string;
  readonly apiKey?: readonly string[];
  readonly allowedHost?: readonly string[];
  readonly allowedOrigin?: readonly string[];
}

const more = `
Routes: /v1/chat/completions /v1/completions /v1/embeddings /v1/models
  /tokenize /detokenize /metrics /health/live /health/ready

A file for --config has the same names in camel case, and lists for what can be
given several times:
  { "models": { "small": "./a", "large": { "folder": "./b", "ctx": 4096 } },
    "port": 8000, "memory": "8GiB", "apiKeys": ["…"], "logFormat": "json" }
Its folders are relative to it. Flags come before the file.

Ctrl-C (or SIGTERM) takes no more requests and finishes those under way; a
second one ends at once. Logs on stderr never hold prompts or answers.

Examples:
  whittle serve models/books-5m
  whittle serve small=./a.gguf large=./b --memory 8GiB
  whittle serve ./my-model --host 0.0.0.0 --allowed-host my.example --api-key …`;

/** `whittle serve <folder...>`: an OpenAI-compatible server. */
export const serve: AddCommand = (program, terminal) => {
  const { port, host, maxSequences, maxWaiting, maxConnections, grace } = serverDefaults;
  program
    .command("serve")
    .description("an OpenAI-compatible server for one model or several")
    .argument("[model...]", "Hugging Face model folders, or GGUF files; name=model gives one a name of its own")
    .option("--config <file>", "options in a JSON file; flags come before it")
    .option("--model <name=folder>", "a further model; may be given several times", list)
    .option(
      "--name <name>",
      "what requests call the model, if it is the only one (default: the folder's or file's name)",
    )
    .optionsGroup("Network:")
    .option("--port <n>", `where it listens; 0 takes any free port (default: ${port})`, integer(0, 65_535))
    .option("--host <address>", `who reaches it: this machine alone, or with 0.0.0.0 everyone (default: ${host})`)
    .option(
      "--api-key <key>",
      "requests must bring it; several may be given (default: the variable WHITTLE_API_KEY, else none)",
      list,
    )
    .option(
      "--allowed-host <name>",
      "a name that clients may call this server by; addresses and localhost always may",
      list,
    )
    .option("--allowed-origin <origin>", "a web origin whose pages may ask, e.g. https://app.example", list)
    .option("--body-limit <size>", "longest request (default: 1MiB)", byteSize)
    .option("--max-connections <n>", `connections at once (default: ${maxConnections})`, integer(1))
    .option("--ignore-unknown-fields", "accept request fields that are not known or not supported")
    .optionsGroup("Memory and speed:")
    .option(...deviceOption)
    .option(
      "--ctx <tokens>",
      "tokens that a request may have, prompt included (default: the model's own limit)",
      integer(1),
    )
    .option(
      "--memory <size>",
      "for everything but the mapped weights, e.g. 2GiB (default: most of what is free)",
      byteSize,
    )
    .addOption(activationsOption())
    .addOption(weightsOption())
    .option(...exactActivationsOption)
    .option(...bf16ActivationsOption)
    .addOption(cacheDtypeOption())
    .option(
      "--max-sequences <n>",
      `requests of a model that run at once; more wait (default: ${maxSequences})`,
      integer(1),
    )
    .option(
      "--max-waiting <n>",
      `requests of a model that may wait; more are told to come again (default: ${maxWaiting})`,
      integer(0),
    )
    .option(
      "--threads <n>",
      "threads for arithmetic (default: the physical cores this process may use)",
      integer(1, 1024),
    )
    .optionsGroup("Running:")
    .option(
      "--timeout <ms>",
      "for an answer, waiting included, if its request names no timeout_ms; then 504 (default: no limit)",
      integer(1),
    )
    .option("--grace <seconds>", `for requests under way after the first Ctrl-C (default: ${grace})`, integer(0))
    .addOption(
      new Option("--log-level <level>", "how much is said (default: info, one line a request)").choices(logLevels),
    )
    .addOption(
      new Option("--log-format <format>", "JSON or short text (default: auto, text on a terminal)").choices(logFormats),
    )
    .addHelpText("after", more)
    .action(async (folders: string[], flags: ServeFlags) => run(await optionsOf(folders, flags), terminal));
};

/** Flags before the file, the file before the defaults. */
async function optionsOf(folders: readonly string[], flags: ServeFlags): Promise<ServerOptions> {
  const { config, model = [], name, apiKey, allowedHost, allowedOrigin, ...rest } = flags;
  const file = config === undefined ? {} : await readServerConfig(config);
  const given = [...folders, ...model].map(modelSource);
  const environment = process.env["WHITTLE_API_KEY"];
  const apiKeys = apiKey ?? file.apiKeys ?? (environment ? [environment] : serverDefaults.apiKeys);
  return {
    ...serverDefaults,
    ...file,
    ...rest,
    models: named(given.length > 0 ? given : (file.models ?? []), name),
    apiKeys,
    ...(allowedHost && { allowedHosts: allowedHost }),
    ...(allowedOrigin && { allowedOrigins: allowedOrigin }),
  };
}

function named(models: readonly ModelSource[], name: string | undefined): readonly ModelSource[] {
  const [only, ...others] = models;
  if (!only)
    throw new ArgumentError(
      "no model: name its folder, as in whittle serve ./my-model, or a --config file with models",
    );
  if (name === undefined) return models;
  if (others.length > 0) throw new ArgumentError("--name is for one model; with several, write name=folder for each");
  return [{ ...only, name }];
}

async function run(options: ServerOptions, terminal: Terminal): Promise<void> {
  const { logger, pretty } = serverLog(terminal, options);
  const device = await openDevice(options);
  try {
    const budget = formatBytes(device.memory().budget);
    const why = options.memory === undefined ? "most of what is free; --memory chooses" : "as asked for";
    logger.info(`memory ${budget} (${why}), ${describeDevice(options)}`);
    const progress = pretty ? progressDisplay(terminal) : progressLines((line) => logger.info(line));
    const engines = await openEngines(device, options, logger, progress);
    try {
      await serveEngines(engines, options, logger, terminal);
    } finally {
      await Promise.all(engines.map((engine) => engine.close({ abort: true })));
    }
  } finally {
    await device.close();
  }
}

async function serveEngines(
  engines: readonly Engine[],
  options: ServerOptions,
  logger: Logger,
  terminal: Terminal,
): Promise<void> {
  const { host, port, maxConnections } = options;
  const handler = createHandler(engines, {
    apiKeys: options.apiKeys,
    allowedHosts: options.allowedHosts,
    allowedOrigins: options.allowedOrigins,
    bodyLimitBytes: options.bodyLimit,
    ignoreUnknownFields: options.ignoreUnknownFields,
    ...(options.timeout !== undefined && { timeoutMs: options.timeout }),
    logger,
    onError: (error) => logger.error(describeFailure(error)),
  });
  try {
    const listening = await listen({ handler, host, port, maxConnections });
    terminal.stdout.write(`\n${listening.url}\n\n${curlLine(listening, engines[0]!, options)}\n`);
    for (const hint of hintsFor(options)) logger.warn(hint);
    await untilStopped(listening, engines, options, logger, terminal);
  } finally {
    await handler.close();
  }
}

/** What someone should know who lets others in. */
function hintsFor({ host, apiKeys, allowedHosts }: ServerOptions): string[] {
  if (host === "localhost" || host === "::1" || host.startsWith("127.")) return [];
  return [
    allowedHosts.length === 0
      ? "others reach this server by its address alone; to let them call it by a name, add --allowed-host <name>"
      : `others reach this server by its address, or as ${allowedHosts.join(", ")}`,
    ...(apiKeys.length > 0 ? [] : ["whoever reaches it may use it; --api-key <key> asks for a key"]),
  ];
}

/** Returns when a signal has come and all requests under way are answered. The next signal finds the process's default again, which ends it. */
async function untilStopped(
  listening: Listening,
  engines: readonly Engine[],
  { grace }: ServerOptions,
  logger: Logger,
  terminal: Terminal,
): Promise<void> {
  await new Promise<void>((resolve) => {
    const stopListening = terminal.onInterrupt(() => {
      stopListening();
      resolve();
    });
  });
  const left = engines.reduce((sum, engine) => sum + engine.stats().running + engine.stats().waiting, 0);
  if (left > 0) logger.info(`finishing ${plural(left, "request")}; once again to end at once`);
  await listening.close({ graceMs: grace * 1000 });
  await Promise.all(engines.map((engine) => engine.close()));
}

function curlLine({ url }: Listening, { name }: Engine, { apiKeys }: ServerOptions): string {
  const body = JSON.stringify({ model: name, prompt: "It was a dark night", max_tokens: 100, stream: true });
  const quoted = body.replaceAll("'", `'"'"'`);
  const key = apiKeys.length > 0 ? ` -H 'authorization: Bearer <your key>'` : "";
  return `curl -N ${url}/v1/completions${key} -H 'content-type: application/json' -d '${quoted}'`;
}
