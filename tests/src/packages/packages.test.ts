import { existsSync } from "node:fs";
import { cp, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { installAlone, manifests, packAll, type Packed, root, run } from "./pack.js";

// Packing is quick; installing asks the registry for other people's packages and compiles the addon, and the checkers have a package.json of their own. CI does all.
const checkers = path.join(root, "tests", "package-checks", "node_modules", ".bin");
const checked = existsSync(path.join(checkers, "publint"));
const installs = process.env["CI"] !== undefined;
if (!checked) console.log("Skipped: publint and attw are not installed (npm ci --prefix tests/package-checks)");
if (!installs) console.log("Skipped: packages installed in empty folders (set CI=1)");

const books = JSON.stringify(path.join(root, "models", "books-5m"));

/** A program for each package that uses it in a small way, and what it prints. The native device is not built yet. */
const uses: Readonly<Record<string, { program: string; prints: string | RegExp }>> = {
  core: {
    program: `
      import { add, reference } from "@whittle/core";
      const device = reference();
      const x = device.tensor([1, 2], [1, 2]);
      console.log([...(await add({ a: x, b: x }).read())].join());`,
    prints: "2,4",
  },
  kernels: {
    program: `
      import { cpu } from "@whittle/kernels";
      await cpu().catch(({ code, message }) => console.log(code, message));`,
    prints: /^addon_missing .*build the native addon with "npm explore @whittle\/kernels -- npm run build:native"$/,
  },
  kvcache: {
    program: `
      import { reference } from "@whittle/core";
      import { floatCache } from "@whittle/kvcache";
      const cache = floatCache({ blockSize: 4 })([{ kvHeads: 1, headDim: 8 }], reference(), 4 * 64 * 10);
      const { sequence } = cache.open();
      console.log(cache.capacity().total, cache.cost(sequence, 9));`,
    prints: "10 3",
  },
  models: {
    program: `
      import { reference } from "@whittle/core";
      import { loadModel } from "@whittle/models";
      const { tokenizer, config } = await loadModel(${books}, { device: reference() });
      console.log(tokenizer.decode(tokenizer.encode("It was a dark night.")).trim(), config.layers > 0);`,
    prints: "It was a dark night. true",
  },
  serving: {
    program: `
      import { reference } from "@whittle/core";
      import { loadModel } from "@whittle/models";
      import { createEngine, createHandler } from "@whittle/serving";
      const model = await loadModel(${books}, { device: reference() });
      const engine = createEngine({ model, limits: { maxSequences: 1, maxContext: 32 } });
      const { text } = await engine.complete({ prompt: "The", maxTokens: 2, temperature: 0 });
      const handler = createHandler(engine);
      const ask = async (path, fields) => {
        const headers = { "content-type": "application/json" };
        const body = JSON.stringify({ model: engine.name, ...fields });
        return (await handler(new Request("http://localhost" + path, { method: "POST", headers, body }))).json();
      };
      // Long enough for a thread of its own, and a grammar, whose engine is WebAssembly: their files must have come along.
      const { count } = await ask("/tokenize", { prompt: "the sea ".repeat(20000) });
      const { choices } = await ask("/v1/completions", { prompt: "Is it?", guided_choice: ["yes"], max_tokens: 5 });
      console.log(text.length > 0, count > 30000, choices[0].text);
      await handler.close();
      await engine.close();`,
    prints: "true true yes",
  },
  cli: {
    program: `
      import { execFileSync } from "node:child_process";
      console.log(execFileSync("npx", ["--no-install", "whittle", "--help"], { encoding: "utf8" }));`,
    prints: /Usage: whittle[\s\S]*serve[\s\S]*generate/,
  },
};

let folder: string;
let packed: ReadonlyMap<string, Packed>;

beforeAll(async () => {
  ({ folder, packed } = await packAll());
}, 120_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

describe.each([...manifests.keys()])("%s, packed", (name) => {
  test.skipIf(!checked)("publint and attw have nothing to say", async () => {
    const { tarball } = packed.get(name)!;
    await run(path.join(checkers, "publint"), [tarball, "--strict"], folder);
    await run(path.join(checkers, "attw"), [tarball, "--profile", "esm-only"], folder);
  });

  test.skipIf(!installs)(
    "works in an empty folder with what it needs, imported and required",
    async () => {
      const { program, prints } = uses[name]!;
      const place = await install(name);
      await writeFile(path.join(place, "use.js"), program);
      const out = (await run(process.execPath, ["use.js"], place)).trim();
      if (typeof prints === "string") expect(out).toBe(prints);
      else expect(out).toMatch(prints);
      const required = `console.log(Object.keys(require("@whittle/${name}")).length > 0)`;
      expect(
        (await run(process.execPath, ["--no-warnings", "--input-type=commonjs", "-e", required], place)).trim(),
      ).toBe("true");
    },
    180_000,
  );
});

test.skipIf(!installs)(
  "the one command that the error names builds the addon, and the command line then generates",
  async () => {
    const place = await install("cli");
    await run("npm", ["explore", "@whittle/kernels", "--", "npm", "run", "build:native"], place);
    await cp(path.join(root, "models", "books-5m"), path.join(place, "books-5m"), { recursive: true });
    const args = [
      "--no-install",
      "whittle",
      "generate",
      "./books-5m",
      "--prompt",
      "It was a dark",
      "--max-tokens",
      "4",
    ];
    expect((await run("npx", args, place)).length).toBeGreaterThan(3);
  },
  600_000,
);

function install(name: string): Promise<string> {
  const { tarball, needs } = packed.get(name)!;
  return installAlone(path.join(folder, name), [...needs.map((below) => packed.get(below)!.tarball), tarball]);
}
