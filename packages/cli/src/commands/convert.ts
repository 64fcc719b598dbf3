import { convertSparse, type SparseFileFormat, sparseFileFormats } from "@whittle/models";
import { Option } from "commander";
import { type AddCommand } from "../command.js";
import { describeSparsity } from "../describe-sparsity.js";
import { modelFolder } from "../model-options.js";
import { progressDisplay } from "../progress-display.js";
import { say, type Terminal } from "../terminal.js";

interface ConvertOptions {
  readonly format: SparseFileFormat;
  readonly codes?: boolean;
}

/** `whittle convert <folder> <out>`: a pruned model's folder without the zeros, or whole again. */
export const convert: AddCommand = (program, terminal) => {
  program
    .command("convert")
    .description("write a pruned model's folder anew, with the zeros of its linear layers left out or put back")
    .argument(...modelFolder)
    .argument("<out>", "a folder that does not exist, or is empty")
    .addOption(
      new Option(
        "--format <format>",
        "sparse24: two of each four kept; sparseMask: any; dense: as other programs read it",
      )
        .choices(sparseFileFormats)
        .makeOptionMandatory(),
    )
    .option("--codes", "store what is kept as 8-bit codes, those of 64 columns under one scale (default: as it is)")
    .addHelpText("after", "\nExample:\n  whittle convert ./my-pruned-model ./my-sparse-model --format sparse24")
    .action((folder: string, out: string, options: ConvertOptions) => run(folder, out, options, terminal));
};

async function run(folder: string, out: string, { format, codes }: ConvertOptions, terminal: Terminal): Promise<void> {
  const progress = progressDisplay(terminal);
  try {
    const report = await convertSparse(folder, out, {
      format,
      keptAs: codes ? "i8" : "stored",
      onProgress: progress.listener,
    });
    progress.stop();
    say(terminal, describeSparsity(report));
  } finally {
    progress.stop();
  }
}
