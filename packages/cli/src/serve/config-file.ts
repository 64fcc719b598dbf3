import { readFile } from "node:fs/promises";
import path from "node:path";
import { activationDTypes, ArgumentError } from "@whittle/core";
import { weightFormats } from "@whittle/models";
import { z } from "zod";
import { parseByteSize } from "../byte-size.js";
import { isDeviceName } from "../option-values.js";
import { logFormats, logLevels, type ModelSource, type ServerOptions } from "./server-options.js";

const size = z.unknown().transform((value, context) => {
  const bytes = typeof value === "string" ? parseByteSize(value) : value;
  if (Number.isSafeInteger(bytes) && (bytes as number) > 0) return bytes as number;
  context.addIssue({ code: "custom", message: 'must be a size such as "2GiB", or a number of bytes' });
  return z.NEVER;
});

const whole = (least: number, most = Number.MAX_SAFE_INTEGER) => {
  const bounds = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  const error = `must be a whole number ${bounds}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
};
const text = z.string({ error: "must be a text" }).min(1, { error: "must not be empty" });
const texts = z.array(text, { error: "must be a list of texts" });
const flag = z.boolean({ error: "must be true or false" });
const oneOf = <const Names extends readonly string[]>(names: Names) =>
  z.enum(names, { error: `must be one of ${names.join(", ")}` });
const dtype = oneOf(activationDTypes);

const model = z.union(
  [
    text,
    z.strictObject({
      folder: text,
      ctx: whole(1).optional(),
      maxSequences: whole(1).optional(),
      activations: dtype.optional(),
      weights: oneOf(weightFormats).optional(),
      bf16Activations: flag.optional(),
      cacheDtype: dtype.optional(),
    }),
  ],
  {
    error:
      'must be a folder, or {"folder": …} with ctx, maxSequences, activations, weights, bf16Activations and cacheDtype as wanted',
  },
);

const schema = z
  .strictObject({
    $schema: z.string(),
    models: z.record(z.string(), model, { error: 'must be an object such as {"small": "./small-model"}' }),
    port: whole(0, 65_535),
    host: text,
    memory: size,
    device: text.refine(isDeviceName, { error: "must be cpu, cuda or cuda:<index>" }),
    threads: whole(1, 1024),
    ctx: whole(1),
    activations: dtype,
    weights: oneOf(weightFormats),
    exactActivations: flag,
    bf16Activations: flag,
    cacheDtype: dtype,
    maxSequences: whole(1),
    maxWaiting: whole(0),
    timeout: whole(1),
    apiKeys: texts,
    allowedHosts: texts,
    allowedOrigins: texts,
    ignoreUnknownFields: flag,
    bodyLimit: size,
    maxConnections: whole(1),
    grace: whole(0),
    logLevel: oneOf(logLevels),
    logFormat: oneOf(logFormats),
  })
  .partial();

/**
 * Reads the options of a server from a JSON file. Folders of models are relative to the file.
 * @throws ArgumentError naming the file and the field; the system's error if the file cannot be read.
 */
export async function readServerConfig(file: string): Promise<Partial<ServerOptions>> {
  const { $schema: _, models, ...options } = parse(await readFile(file, "utf8"), file);
  const sources = Object.entries(models ?? {}).map(([name, entry]): ModelSource => {
    const source = typeof entry === "string" ? { folder: entry } : entry;
    return withoutUndefined({ ...source, name, folder: path.resolve(path.dirname(file), source.folder) });
  });
  return { ...withoutUndefined(options), ...(models && { models: sources }) };
}

function parse(json: string, file: string): z.output<typeof schema> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new ArgumentError(`${file} is no JSON: ${(error as Error).message}`);
  }
  const { data, error } = schema.safeParse(value);
  if (data) return data;
  throw new ArgumentError(`${file}: ${error!.issues.map(describe).join("; ")}`);
}

function describe(issue: z.core.$ZodIssue): string {
  const at = issue.path.join(".");
  if (issue.code !== "unrecognized_keys") return at === "" ? "must be one JSON object" : `${at} ${issue.message}`;
  const unknown = issue.keys.map((key) => (at === "" ? key : `${at}.${key}`)).join(", ");
  return `${unknown} is not known; known are ${Object.keys(schema.shape).join(", ")}`;
}

/** Absent, not undefined: what a file leaves out must not hide a default. */
function withoutUndefined<Value extends object>(value: Value): Defined<Value> {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Defined<Value>;
}

type Defined<Value> = { [Key in keyof Value]: Exclude<Value[Key], undefined> };
