import { describe, expect, test } from "vitest";
import { parseTrace } from "./trace.js";

describe("parseTrace", () => {
  const azure = `TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:17:03.9799600,4808,10
2023-11-16 18:17:04.0319610,3180,8
2023-11-16 18:18:03.9799600,110,0
`;

  test("Azure's columns", () => {
    const requests = parseTrace(azure);
    expect(requests.map(({ promptTokens, outputTokens }) => [promptTokens, outputTokens])).toEqual([
      [4808, 10],
      [3180, 8],
      [110, 1],
    ]);
    expect(requests[0]!.atMs).toBe(0);
    expect(requests[1]!.atMs).toBeCloseTo(52.001, 3);
    expect(requests[2]!.atMs).toBeCloseTo(60_000, 6);
  });

  test("played faster", () => {
    expect(parseTrace(azure, { speed: 10 })[2]!.atMs).toBeCloseTo(6_000, 6);
  });

  test("columns in another order, beside others", () => {
    const [request] = parseTrace("ContextTokens,User,TIMESTAMP,GeneratedTokens\n7,a,2024-01-01T00:00:00Z,3");
    expect(request).toEqual({ atMs: 0, promptTokens: 7, outputTokens: 3 });
  });

  test("Mooncake's lines, sorted by time", () => {
    const lines = [
      { timestamp: 3000, input_length: 1030, output_length: 5, hash_ids: [0, 1, 9] },
      { timestamp: 1000, input_length: 20, output_length: 500, hash_ids: [0] },
    ];
    expect(parseTrace(lines.map((line) => JSON.stringify(line)).join("\n"))).toEqual([
      { atMs: 0, promptTokens: 20, outputTokens: 500, blocks: [0] },
      { atMs: 2000, promptTokens: 1030, outputTokens: 5, blocks: [0, 1, 9] },
    ]);
  });

  test.each([
    ["", "empty"],
    ["time,tokens\n1,2", "TIMESTAMP,ContextTokens,GeneratedTokens"],
    ["TIMESTAMP,ContextTokens,GeneratedTokens\nyesterday,1,2", 'line 2 of the trace: "yesterday" is no time'],
    ["TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03,many,2", "line 2 of the trace: ContextTokens"],
    ['{"timestamp":0,"input_length":1,"output_length":1}\n{"timestamp":', "line 2 of the trace is no JSON"],
    ['{"timestamp":0,"input_length":-1,"output_length":1}', "line 1 of the trace: input_length"],
  ])("%j is refused", (text, message) => {
    expect(() => parseTrace(text)).toThrow(message);
  });
});
