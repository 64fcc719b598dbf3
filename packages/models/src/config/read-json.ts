import { readFile, stat } from "node:fs/promises";

/** Larger JSON files are refused before they are read: the largest tokenizer.json known is about 35 MB. */
const LARGEST_JSON_BYTES = 256 * 2 ** 20;

/** Reads and parses a JSON file; every failure goes through `fail`, which makes the error to throw. */
export async function readJson(path: string, fail: (reason: string) => Error): Promise<unknown> {
  let text: string;
  try {
    const { size } = await stat(path);
    if (size > LARGEST_JSON_BYTES) throw fail(`has ${size} bytes, but at most ${LARGEST_JSON_BYTES} are read`);
    text = await readFile(path, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") throw fail("no such file");
    if (code === "EISDIR") throw fail("is a folder, but a file was expected");
    if (code?.startsWith("E")) throw fail(`cannot be read (${code})`);
    throw error;
  }
  return parseJson(text, fail);
}

/** As `readJson`, but `undefined` if there is no such file. */
export async function readJsonIfThere(path: string, fail: (reason: string) => Error): Promise<unknown> {
  try {
    await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
  }
  return readJson(path, fail);
}

function parseJson(text: string, fail: (reason: string) => Error): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw fail(`is not JSON: ${(error as Error).message}`);
  }
}
