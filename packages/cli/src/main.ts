import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { type AddCommand } from "./command.js";
import { benchServe } from "./commands/bench-serve.js";
import { chat } from "./commands/chat.js";
import { convert } from "./commands/convert.js";
import { evaluate } from "./commands/eval.js";
import { generate } from "./commands/generate.js";
import { serve } from "./commands/serve.js";
import { describeFailure } from "./failure.js";
import { processTerminal, say, type Terminal } from "./terminal.js";

const commands: readonly AddCommand[] = [serve, chat, generate, evaluate, convert, benchServe];

/**
 * Runs `whittle` with these arguments and gives the exit code: 0, 1 for a failure (one line on stderr says which), 130 after Ctrl-C.
 *
 * @param terminal where it reads and writes. Default: the process's own streams and signals.
 */
export async function main(argv: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  const program = new Command("whittle")
    .description("Language models, small and fast, from Node.js.")
    .version(version(), "--version", "print the version")
    .option("--verbose", "show the stack of an error")
    .helpOption("-h, --help", "show this help")
    .addHelpText(
      "after",
      "\nwhittle <command> --help shows a command's options. In this repository, models/books-5m\n" +
        'is a small model to begin with:\n  whittle generate models/books-5m --prompt "It was a dark night"',
    )
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void terminal.stdout.write(text),
      writeErr: (text) => void terminal.stderr.write(text),
    });
  for (const add of commands) add(program, terminal);
  try {
    await program.parseAsync(argv, { from: "user" });
    return terminal.exitCode;
  } catch (error) {
    // Commander has said what is wrong with the arguments.
    if (error instanceof CommanderError) return error.exitCode;
    say(terminal, `whittle: ${describeFailure(error)}`);
    if (program.opts<{ verbose?: boolean }>().verbose && error instanceof Error) say(terminal, error.stack ?? "");
    return 1;
  }
}

function version(): string {
  const manifest = new URL("../package.json", import.meta.url);
  return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
}
