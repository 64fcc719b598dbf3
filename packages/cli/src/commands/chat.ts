import { createInterface } from "node:readline";
import { ArgumentError } from "@whittle/core";
import { type LoadedModel } from "@whittle/models";
import { createChat } from "@whittle/serving";
import { Conversation } from "../chat/conversation.js";
import { type AddCommand } from "../command.js";
import { addCacheOptions, modelPath, type CacheOptions } from "../model-options.js";
import { openModel } from "../open-model.js";
import { addSamplingOptions, type SamplingFlags, samplingOf } from "../sampling-options.js";
import { startEngine } from "../start-engine.js";
import { say, type Terminal } from "../terminal.js";

interface ChatOptions extends CacheOptions, SamplingFlags {
  readonly system?: string;
}

/** `whittle chat <model>`: a talk in the terminal. Answers go to stdout, everything else to stderr. */
export const chat: AddCommand = (program, terminal) => {
  const command = program
    .command("chat")
    .description("talk with a model in the terminal")
    .argument(...modelPath)
    .option("--system <text>", "a system message to begin with")
    .addHelpText(
      "after",
      "\nIn the talk: Ctrl-C stops an answer, Ctrl-D leaves, /help lists /reset, /system and /save.\n" +
        "Piped in, each line is a message.\n\nExample:\n  whittle chat ./my-model --system 'Answer briefly.'",
    );
  addCacheOptions(addSamplingOptions(command)).action((folder: string, options: ChatOptions) =>
    run(folder, options, terminal),
  );
};

async function run(folder: string, options: ChatOptions, terminal: Terminal): Promise<void> {
  const { device, model, seconds } = await openModel(folder, options, terminal);
  try {
    checkTemplate(model, terminal);
    const { engine } = startEngine(model, options, { maxSequences: 1 });
    try {
      say(terminal, `${model.name} loaded in ${seconds.toFixed(2)} s; /help lists commands, Ctrl-D leaves`);
      const conversation = new Conversation({
        begin: (messages) => createChat(engine, { ...samplingOf(options), messages }),
        ...(options.system !== undefined && { system: options.system }),
        write: (text) => void terminal.stdout.write(text),
        say: (line) => say(terminal, line),
      });
      await talk(conversation, terminal);
    } finally {
      await engine.close({ abort: true });
    }
  } finally {
    await device.close();
  }
}

/** @throws ArgumentError for a model that cannot talk. */
function checkTemplate({ name, tokenizer }: LoadedModel, terminal: Terminal): void {
  const { chatTemplate } = tokenizer;
  if (chatTemplate === undefined)
    throw new ArgumentError(
      `${name} has no chat template, so it cannot chat; whittle generate writes on from a prompt`,
    );
  if (!chatTemplate.tellsSpeakersApart())
    say(terminal, `${name}'s chat template only joins the messages: it writes on rather than answers`);
}

/** Line by line, until the input ends. */
async function talk(conversation: Conversation, terminal: Terminal): Promise<void> {
  const { stdin, stdout } = terminal;
  const interactive = stdin.isTTY === true;
  const lines = createInterface({
    input: stdin,
    ...(interactive && { output: stdout }),
    terminal: interactive,
    prompt: "> ",
  });
  const interrupt = () => {
    if (conversation.stop()) return;
    if (interactive) {
      say(terminal, "(Ctrl-D leaves)");
      lines.prompt();
    } else {
      terminal.exitCode = 130;
      lines.close();
    }
  };
  // In a terminal the keys are readline's own; elsewhere a signal comes.
  lines.on("SIGINT", interrupt);
  const stopListening = terminal.onInterrupt((signal) => {
    if (signal === "SIGINT") return interrupt();
    terminal.exitCode = 143;
    conversation.stop();
    lines.close();
  });
  try {
    if (interactive) lines.prompt();
    for await (const line of lines) {
      if (!(await conversation.take(line))) break;
      if (interactive) lines.prompt();
    }
    // Ctrl-D leaves the cursor behind the prompt.
    if (interactive) stdout.write("\n");
  } finally {
    stopListening();
    lines.close();
  }
}
