import { existsSync } from "node:fs";
import { loadFolderTokenizer } from "./create-tokenizer.js";
import { ggufFileOf } from "./gguf/gguf-file.js";
import { loadGgufTokenizer } from "./gguf/gguf-tokenizer.js";
import { openGguf } from "./gguf/open-gguf.js";
import { type Tokenizer } from "./tokenizer.js";

/**
 * Loads the tokenizer of a model: of a Hugging Face folder (`tokenizer.json`, and if they are there `tokenizer_config.json` and `chat_template.jinja`), or of a GGUF file.
 * @throws TokenizerError, ChatTemplateError; CheckpointError for a broken GGUF file
 */
export async function loadTokenizer(path: string): Promise<Tokenizer> {
  const file = existsSync(path) ? await ggufFileOf(path) : undefined;
  return file === undefined ? loadFolderTokenizer(path) : loadGgufTokenizer(await openGguf(file));
}
