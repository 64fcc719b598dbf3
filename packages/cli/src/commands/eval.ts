import { readFile } from "node:fs/promises";
import { ArgumentError } from "@whittle/core";
import { perplexity, type Tokenizer } from "@whittle/models";
import { type AddCommand } from "../command.js";
import { addModelOptions, modelPath, type ModelOptions } from "../model-options.js";
import { openModel } from "../open-model.js";
import { integer } from "../option-values.js";
import { progressDisplay } from "../progress-display.js";
import { type Terminal } from "../terminal.js";

interface EvalOptions extends ModelOptions {
  readonly window?: number;
  readonly stride?: number;
  readonly bos?: boolean;
  readonly maxTokens?: number;
  readonly json?: boolean;
}

/** `whittle eval <model> <file>`: perplexity of a text under a model. */
export const evaluate: AddCommand = (program, terminal) => {
  const command = program
    .command("eval")
    .description("perplexity of a model on a text file, by sliding windows")
    .argument(...modelPath)
    .argument("<file>", "a text file (UTF-8)")
    .option("--window <tokens>", "tokens that the model sees at once (default: its context)", integer(1))
    .option(
      "--stride <tokens>",
      "tokens that each window scores; the ones before are context (default: the window)",
      integer(1),
    )
    .option("--bos", "put the token that begins a text before every window; the text keeps its own")
    .option("--max-tokens <n>", "only the first n tokens of the text (default: all)", integer(2))
    .option("--json", "print one JSON object")
    .addHelpText("after", "\nExample:\n  whittle eval models/books-5m README.md --window 256 --stride 128");
  addModelOptions(command).action((folder: string, file: string, options: EvalOptions) =>
    run(folder, file, options, terminal),
  );
};

async function run(folder: string, file: string, options: EvalOptions, terminal: Terminal): Promise<void> {
  const text = await readText(file);
  const { device, model } = await openModel(folder, options, terminal);
  const progress = progressDisplay(terminal);
  try {
    const { window = model.model.shape.maxPositions, stride = window } = options;
    const { ids, bos, bytes } = tokensOf(text, model.tokenizer, options);
    const scored = await perplexity(model, ids, {
      window,
      stride,
      ...(bos !== undefined && { bos }),
      onProgress: progress.listener,
    });
    progress.stop();
    const bitsPerByte = (scored.nll * scored.tokens) / Math.LN2 / bytes;
    if (options.json) {
      terminal.stdout.write(
        `${JSON.stringify({ model: model.name, file, window, stride, ...scored, bytes, bitsPerByte })}\n`,
      );
    } else {
      terminal.stdout.write(
        `tokens         ${scored.tokens} in ${scored.windows} windows of ${window}, stride ${stride}\n` +
          `perplexity     ${scored.perplexity.toFixed(4)}\n` +
          `bits per byte  ${bitsPerByte.toFixed(4)}\n`,
      );
    }
  } finally {
    progress.stop();
    await device.close();
  }
}

/** The text's ids, the id that is to begin every window, and the bytes of text that the scored tokens stand for. */
function tokensOf(
  text: string,
  tokenizer: Tokenizer,
  { bos = false, maxTokens }: EvalOptions,
): { ids: Int32Array; bos: number | undefined; bytes: number } {
  if (bos && tokenizer.bosId === undefined)
    throw new ArgumentError("--bos: this model has no token that begins a text");
  const all = tokenizer.encode(text);
  const ids = all.subarray(0, maxTokens);
  // Without a token before it, the first one is not scored.
  const unscored = [...(bos ? [] : all.subarray(0, 1)), ...all.subarray(ids.length)];
  const bytes = Buffer.byteLength(text) - Buffer.byteLength(tokenizer.decode(unscored, { skipSpecialTokens: true }));
  return { ids, bos: bos ? tokenizer.bosId : undefined, bytes };
}

/** @throws the system's error, which names the file. */
async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    // Node names no path for a folder.
    throw Object.assign(error as NodeJS.ErrnoException, { path: file });
  }
}
