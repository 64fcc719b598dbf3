import { cpSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { model, root, whittle } from "./whittle.js";

/** What a newcomer gets wrong. Each is one clear line on stderr, exit code 1, and no stack. */
describe("whittle says in one line", () => {
  let folder: string;
  beforeAll(() => void (folder = mkdtempSync(path.join(tmpdir(), "whittle-failures-"))));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** A copy of the embedded model that something happens to. */
  function brokenModel(name: string, breakIt: (copy: string) => void): string {
    const copy = path.join(folder, name);
    cpSync(path.join(root, model), copy, { recursive: true });
    breakIt(copy);
    return copy;
  }

  async function failureOf(...args: string[]): Promise<string> {
    const { code, out, err } = await whittle(args);
    expect(out).toBe("");
    expect(code).toBe(1);
    const lines = err.trimEnd().split("\n");
    expect(lines.filter((line) => line.startsWith("whittle: "))).toHaveLength(1);
    expect(err).not.toMatch(/^\s+at /m);
    return lines.at(-1)!;
  }

  test("that a folder is missing", async () => {
    expect(await failureOf("generate", "no/such/model", "--prompt", "x")).toContain("no/such/model");
  });

  test("that a folder is no model", async () => {
    expect(await failureOf("serve", "packages", "--port", "0")).toContain("config.json");
  });

  test("that a file stands where a folder should", async () => {
    expect(await failureOf("generate", "package.json", "--prompt", "x")).toContain("package.json");
  });

  test("that an architecture is unknown, and which are known", async () => {
    const copy = brokenModel("unknown", (at) => {
      writeFileSync(
        path.join(at, "config.json"),
        JSON.stringify({ architectures: ["MambaForCausalLM"], model_type: "mamba" }),
      );
    });
    expect(await failureOf("generate", copy, "--prompt", "x")).toMatch(/mamba.*llama/i);
  });

  test("that a checkpoint is cut short", async () => {
    const copy = brokenModel("cut", (at) => truncateSync(path.join(at, "model.safetensors"), 1_000_000));
    expect(await failureOf("eval", copy, "README.md")).toContain("model.safetensors");
  });

  test("that a checkpoint is something else", async () => {
    const copy = brokenModel("html", (at) =>
      writeFileSync(path.join(at, "model.safetensors"), "<!doctype html><title>404</title>"),
    );
    expect(await failureOf("generate", copy, "--prompt", "x")).toContain("model.safetensors");
  });

  test("that the tokenizer cannot be read", async () => {
    const copy = brokenModel("tokenizer", (at) => writeFileSync(path.join(at, "tokenizer.json"), "{"));
    expect(await failureOf("generate", copy, "--prompt", "x")).toContain("tokenizer.json");
  });

  test("that memory does not suffice", async () => {
    expect(await failureOf("generate", model, "--prompt", "x", "--memory", "64KiB")).toMatch(/memory|bytes|cache/);
  });

  test("that a text file is missing", async () => {
    expect(await failureOf("eval", model, "no-such.txt")).toBe("whittle: no-such.txt: no such file or folder");
  });

  test("that a prompt is too long for the context", async () => {
    const line = await failureOf("generate", model, "--prompt", "word ".repeat(2000));
    expect(line).toContain("512");
  });

  test("that a model answers no chats", async () => {
    const line = await failureOf("generate", "tests/fixtures/goldens/gpt2", "--chat", "--prompt", "x");
    expect(line).toMatch(/^whittle: gpt2: .*chat template/);
  });

  test("that a port is in use", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const { port } = other.address() as { port: number };
    expect(await failureOf("serve", model, "--port", `${port}`)).toBe(
      `whittle: cannot listen on 127.0.0.1, port ${port}: it is taken; choose another with --port and --host (--port 0: any free one)`,
    );
    other.close();
  });

  test("that a file of options is wrong, and where", async () => {
    const file = path.join(folder, "whittle.json");
    writeFileSync(file, '{"port": "http"}');
    expect(await failureOf("serve", "--config", file)).toBe(
      `whittle: ${file}: port must be a whole number from 0 to 65535`,
    );
  });

  test("that two models have one name", async () => {
    expect(await failureOf("serve", model, model, "--port", "0")).toContain("two models are called books-5m");
  });

  test("that a model cannot chat", async () => {
    expect(await failureOf("chat", "tests/fixtures/goldens/gpt2")).toBe(
      "whittle: gpt2 has no chat template, so it cannot chat; whittle generate writes on from a prompt",
    );
  });

  test("the stack only with --verbose", async () => {
    const { code, err } = await whittle(["generate", "no/such/model", "--prompt", "x", "--verbose"]);
    expect(code).toBe(1);
    expect(err).toMatch(/^\s+at /m);
  });
});
