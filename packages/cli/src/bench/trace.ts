import { ArgumentError } from "@whittle/core";
import { z } from "zod";
import { type PlannedRequest } from "./planned-request.js";

/**
 * Reads a trace: a CSV with the columns of Azure's LLM inference traces (`TIMESTAMP,ContextTokens,GeneratedTokens`), or lines of JSON as Mooncake's
 * (`{"timestamp": ms, "input_length": n, "output_length": n, "hash_ids": [...]}`). The first request is at 0; `speed` 2 sends twice as fast.
 *
 * @throws ArgumentError naming the line.
 */
export function parseTrace(text: string, { speed = 1 }: { speed?: number } = {}): PlannedRequest[] {
  const lines = text.split(/\r?\n/).map((line, index) => ({ line, number: index + 1 }));
  const filled = lines.filter(({ line }) => line.trim() !== "");
  const [first] = filled;
  if (first === undefined) throw new ArgumentError("the trace is empty");
  const requests = first.line.trimStart().startsWith("{") ? filled.map(mooncake) : azure(filled);
  // Clocks of traces are not always in order.
  requests.sort((a, b) => a.atMs - b.atMs);
  const beginning = requests[0]?.atMs ?? 0;
  return requests.map((request) => ({ ...request, atMs: (request.atMs - beginning) / speed }));
}

interface Line {
  readonly line: string;
  readonly number: number;
}

type TracedRequest = PlannedRequest & { readonly atMs: number };

const count = z.int().min(0);
const mooncakeLine = z.object({
  timestamp: z.number().min(0),
  input_length: count,
  output_length: count,
  hash_ids: z.array(count).optional(),
});

function mooncake({ line, number }: Line): TracedRequest {
  const { timestamp, input_length, output_length, hash_ids } = check(mooncakeLine, parseJson(line, number), number);
  return {
    atMs: timestamp,
    promptTokens: Math.max(1, input_length),
    outputTokens: Math.max(1, output_length),
    ...(hash_ids && { blocks: hash_ids }),
  };
}

const azureColumns = ["TIMESTAMP", "ContextTokens", "GeneratedTokens"] as const;
const azureRow = z.object({
  TIMESTAMP: z.string(),
  ContextTokens: z.coerce.number().int().min(0),
  GeneratedTokens: z.coerce.number().int().min(0),
});

function azure([head, ...rows]: readonly Line[]): TracedRequest[] {
  const names = head!.line.split(",").map((name) => name.trim());
  const missing = azureColumns.filter((name) => !names.includes(name));
  if (missing.length > 0)
    throw new ArgumentError(
      `the trace's first line must be a JSON object, or name the columns ${azureColumns.join(",")}, but is "${head!.line.slice(0, 100)}"`,
    );
  return rows.map(({ line, number }) => {
    const cells = line.split(",");
    const named = Object.fromEntries(names.map((name, index) => [name, cells[index]?.trim()]));
    const { TIMESTAMP, ContextTokens, GeneratedTokens } = check(azureRow, named, number);
    return {
      atMs: millisecondsOf(TIMESTAMP, number),
      promptTokens: Math.max(1, ContextTokens),
      outputTokens: Math.max(1, GeneratedTokens),
    };
  });
}

/** `2023-11-16 18:17:03.9799600`, read as UTC: only differences count. Finer than `Date` by the last four digits. */
function millisecondsOf(timestamp: string, number: number): number {
  const match = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(\.\d+)?/.exec(timestamp);
  const seconds = match ? Date.parse(`${match[1]}T${match[2]}Z`) : NaN;
  if (Number.isNaN(seconds)) throw new ArgumentError(`line ${number} of the trace: "${timestamp}" is no time`);
  return seconds + Number(match?.[3] ?? 0) * 1000;
}

function parseJson(line: string, number: number): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new ArgumentError(`line ${number} of the trace is no JSON object: ${line.slice(0, 100)}`);
  }
}

function check<Row>(schema: z.ZodType<Row>, value: unknown, number: number): Row {
  const { data, error } = schema.safeParse(value);
  if (data !== undefined) return data;
  const issue = error!.issues[0]!;
  throw new ArgumentError(`line ${number} of the trace: ${issue.path.join(".")}: ${issue.message}`);
}
