import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readServerConfig } from "./config-file.js";

describe("readServerConfig", () => {
  let file: string;
  beforeEach(
    async () => void (file = path.join(await mkdtemp(path.join(tmpdir(), "whittle-config-")), "whittle.json")),
  );
  afterEach(() => rm(path.dirname(file), { recursive: true }));

  async function read(content: unknown) {
    await writeFile(file, typeof content === "string" ? content : JSON.stringify(content));
    return readServerConfig(file);
  }

  test("every field, with folders relative to the file", async () => {
    const options = {
      port: 9000,
      host: "0.0.0.0",
      device: "cuda:1",
      threads: 2,
      ctx: 2048,
      activations: "bf16",
      cacheDtype: "f16",
      maxSequences: 8,
      maxWaiting: 0,
      timeout: 60_000,
      apiKeys: ["a", "b"],
      allowedHosts: ["my.example"],
      allowedOrigins: ["https://app.example"],
      ignoreUnknownFields: true,
      maxConnections: 10,
      grace: 5,
      logLevel: "warn",
      logFormat: "json",
    };
    const models = {
      small: "./a",
      large: { folder: "/models/b", ctx: 4096, activations: "f16", weights: "q8_0", cacheDtype: "bf16" },
      exact: { folder: "/models/c", bf16Activations: false },
    };
    expect(await read({ ...options, models, memory: "2GiB", bodyLimit: 4096 })).toEqual({
      ...options,
      memory: 2 ** 31,
      bodyLimit: 4096,
      models: [
        { name: "small", folder: path.join(path.dirname(file), "a") },
        { name: "large", folder: "/models/b", ctx: 4096, activations: "f16", weights: "q8_0", cacheDtype: "bf16" },
        { name: "exact", folder: "/models/c", bf16Activations: false },
      ],
    });
  });

  test("what it leaves out is absent", async () => {
    expect(await read({ $schema: "./whittle.schema.json", port: 1 })).toEqual({ port: 1 });
    expect(await read({})).toEqual({});
  });

  test.each([
    ["{", /whittle\.json is no JSON: /],
    [[], /whittle\.json: must be one JSON object/],
    [{ prot: 1 }, /whittle\.json: prot is not known; known are .*port.*logFormat/],
    [{ port: 70_000 }, /port must be a whole number from 0 to 65535/],
    [{ port: "8000" }, /port must be a whole number/],
    [{ memory: "lots" }, /memory must be a size such as "2GiB"/],
    [{ memory: -1 }, /memory must be a size/],
    [{ apiKeys: "secret" }, /apiKeys must be a list of texts/],
    [{ apiKeys: [""] }, /apiKeys\.0 must not be empty/],
    [{ cacheDtype: "f8" }, /cacheDtype must be one of f32, bf16, f16/],
    [{ activations: "i8" }, /activations must be one of f32, bf16, f16/],
    [{ weights: "q2" }, /weights must be one of stored, q8_0, q4_0/],
    [{ device: "gpu" }, /device must be cpu, cuda or cuda:<index>/],
    [{ ignoreUnknownFields: 1 }, /ignoreUnknownFields must be true or false/],
    [{ models: ["./a"] }, /models must be an object such as/],
    [{ models: { a: { ctx: 5 } } }, /models\.a must be a folder, or/],
    [{ port: -1, ctx: 0 }, /port .*; ctx must be a whole number of at least 1/],
  ])("%j is refused", async (content, message) => {
    await expect(read(content)).rejects.toThrow(message);
  });

  test("a file that is missing", async () => {
    await expect(readServerConfig("no/such.json")).rejects.toThrow("ENOENT");
  });
});
