import { ArgumentError } from "@whittle/core";
import { type Engine, type GenerateRequest } from "@whittle/serving";
import { type AddCommand } from "../command.js";
import { GenerationTimes } from "../generation-times.js";
import { addCacheOptions, modelPath, type CacheOptions } from "../model-options.js";
import { openModel } from "../open-model.js";
import { plural } from "../plural.js";
import { addSamplingOptions, type SamplingFlags, samplingOf } from "../sampling-options.js";
import { startEngine } from "../start-engine.js";
import { say, type Terminal } from "../terminal.js";

interface GenerateOptions extends CacheOptions, SamplingFlags {
  readonly prompt?: string;
  readonly chat?: boolean;
}

/** `whittle generate <model>`: text to stdout as it is made, everything else to stderr. */
export const generate: AddCommand = (program, terminal) => {
  const command = program
    .command("generate")
    .description("write on from a prompt; the text streams to stdout")
    .argument(...modelPath)
    .option("-p, --prompt <text>", "the text to begin with (default: what is piped in)")
    .option("--chat", "put the prompt to the model as a chat message, with its own template")
    .addHelpText(
      "after",
      '\nExample:\n  whittle generate models/books-5m --prompt "It was a dark night" --max-tokens 100 --temperature 0.7',
    );
  addCacheOptions(addSamplingOptions(command)).action((folder: string, options: GenerateOptions) =>
    run(folder, options, terminal),
  );
};

async function run(folder: string, options: GenerateOptions, terminal: Terminal): Promise<void> {
  const prompt = options.prompt ?? (await readPrompt(terminal));
  const { device, model, seconds } = await openModel(folder, options, terminal);
  say(terminal, `${model.name} loaded in ${seconds.toFixed(2)} s`);
  const times = new GenerationTimes();
  try {
    const { engine } = startEngine(model, options, { maxSequences: 1, onEvent: times.listener });
    try {
      await stream(engine, requestOf(prompt, options), terminal);
    } finally {
      await engine.close({ abort: true });
      for (const line of times.report()) say(terminal, line);
    }
  } finally {
    await device.close();
  }
}

/** Writes the answer as it comes. Ctrl-C ends it after the token under way. */
async function stream(engine: Engine, request: GenerateRequest, terminal: Terminal): Promise<void> {
  const generation = engine.generate(request);
  let contextIsFull = false;
  const stopListening = terminal.onInterrupt((signal) => {
    terminal.exitCode = signal === "SIGINT" ? 130 : 143;
    generation.cancel();
  });
  try {
    for await (const { text, finishReason } of generation) {
      terminal.stdout.write(text);
      if (finishReason === "length" && request.maxTokens === undefined) contextIsFull = true;
    }
  } finally {
    stopListening();
    terminal.stdout.write("\n");
  }
  if (contextIsFull) say(terminal, `the context of ${plural(engine.contextLength, "token")} is full`);
}

function requestOf(prompt: string, options: GenerateOptions): GenerateRequest {
  return {
    ...(options.chat ? { messages: [{ role: "user", content: prompt }] } : { prompt }),
    ...samplingOf(options),
  };
}

async function readPrompt(terminal: Terminal): Promise<string> {
  if (terminal.stdin.isTTY) throw new ArgumentError('no prompt: give one with --prompt "…", or pipe text in');
  let text = "";
  for await (const chunk of terminal.stdin.setEncoding("utf8")) text += chunk;
  // The newline that a shell's echo adds is not meant.
  return text.replace(/\r?\n$/, "");
}
