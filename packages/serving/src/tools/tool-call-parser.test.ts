import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { recordedOutputs } from "../testing/recorded-outputs.js";
import { type AnswerPart, ToolCallParser } from "./tool-call-parser.js";
import { hermes, llama3Json, mistral, type ToolFormat } from "./tool-format.js";

interface Read {
  content: string;
  calls: { name: string; arguments: string }[];
}

/** What the parts say, joined as a client joins them. */
function read(format: ToolFormat, pieces: readonly string[]): Read {
  const parser = new ToolCallParser(format);
  const result: Read = { content: "", calls: [] };
  const take = (part: AnswerPart): void => {
    if ("content" in part) result.content += part.content;
    else if (part.call.name !== undefined) {
      expect(part.call.index).toBe(result.calls.length);
      expect(part.call.id).toMatch(format.idLength === 9 ? /^[A-Za-z0-9]{9}$/ : /^call_[A-Za-z0-9]{24}$/);
      result.calls.push({ name: part.call.name, arguments: part.call.arguments });
    } else result.calls[part.call.index]!.arguments += part.call.arguments;
  };
  for (const piece of pieces) parser.push(piece).forEach(take);
  parser.flush().forEach(take);
  expect(parser.calls).toBe(result.calls.length);
  return result;
}

const weather = { name: "get_weather", arguments: '{"city": "Paris", "unit": "celsius"}' };
const time = { name: "get_time", arguments: '{"zone": "CET"}' };

/** Shapes of answers as these models give them. */
const shapes: [name: string, format: ToolFormat, text: string, expected: Read][] = [
  [
    "Qwen 2.5, one call",
    hermes,
    '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris", "unit": "celsius"}}\n</tool_call>',
    { content: "", calls: [weather] },
  ],
  [
    "Qwen 2.5, words and two calls",
    hermes,
    'Let me look.\n\n<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris", "unit": "celsius"}}\n</tool_call>\n<tool_call>\n{"name": "get_time", "arguments": {"zone": "CET"}}\n</tool_call>',
    { content: "Let me look.", calls: [weather, time] },
  ],
  [
    "Hermes 3, arguments first, spaces",
    hermes,
    '<tool_call>\n { "arguments" : {"zone": "CET"} , "name" : "get_time" } \n</tool_call>\n',
    { content: "", calls: [time] },
  ],
  [
    "Hermes, thoughts before and words after",
    hermes,
    '<think>\nWhich <tool? \n</think>\n<tool_call>\n{"name": "get_time", "arguments": {"zone": "CET"}}\n</tool_call>\nDone.',
    { content: "<think>\nWhich <tool? \n</think>Done.", calls: [time] },
  ],
  [
    "Hermes, no call",
    hermes,
    'I cannot. {"name": "x"} a < b  \n',
    { content: 'I cannot. {"name": "x"} a < b  \n', calls: [] },
  ],
  [
    "Hermes, a broken call",
    hermes,
    "<tool_call>\nget_weather(Paris)\n</tool_call>",
    { content: "get_weather(Paris)\n</tool_call>", calls: [] },
  ],
  [
    "Hermes, cut off in its arguments",
    hermes,
    '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Par',
    { content: "", calls: [{ name: "get_weather", arguments: '{"city": "Par' }] },
  ],
  [
    "Hermes, arguments in quotes",
    hermes,
    '<tool_call>{"name": "f", "arguments": "{\\"a\\": \\"}\\"}"}</tool_call>',
    { content: "", calls: [{ name: "f", arguments: '{"a": "}"}' }] },
  ],
  [
    "Mistral 7B v0.3",
    mistral,
    '[TOOL_CALLS] [{"name": "get_weather", "arguments": {"city": "Paris", "unit": "celsius"}}, {"name": "get_time", "arguments": {"zone": "CET"}}]',
    { content: "", calls: [weather, time] },
  ],
  [
    "Mistral, its control token not shown",
    mistral,
    ' [{"name": "get_time", "arguments": {"zone": "CET"}}]',
    { content: "", calls: [time] },
  ],
  [
    "Mistral, two calls by name, words before",
    mistral,
    'Both, then.[TOOL_CALLS]get_weather[ARGS]{"city": "Paris", "unit": "celsius"}[TOOL_CALLS]get_time[ARGS]{"zone": "CET"}',
    { content: "Both, then.", calls: [weather, time] },
  ],
  [
    "Mistral, an id of the model's own, brackets and braces in texts",
    mistral,
    '[TOOL_CALLS]f[CALL_ID]VvvODy9mT[ARGS] {"a": ["}]\\"{", {"b": "[ARGS]"}]}',
    { content: "", calls: [{ name: "f", arguments: '{"a": ["}]\\"{", {"b": "[ARGS]"}]}' }] },
  ],
  [
    "Mistral, a call by name without [ARGS]",
    mistral,
    '[TOOL_CALLS] get_time{"zone": "CET"} Done.',
    { content: "Done.", calls: [time] },
  ],
  [
    "Mistral, cut off in its arguments by name",
    mistral,
    '[TOOL_CALLS]get_time[ARGS]{"zone": "C',
    { content: "", calls: [{ name: "get_time", arguments: '{"zone": "C' }] },
  ],
  ["Mistral, a name that is none", mistral, "[TOOL_CALLS]what is [ARGS]{}", { content: "what is [ARGS]{}", calls: [] }],
  ["Mistral, another tag", mistral, "[TOOL_CALLS]f[THINK]{}", { content: "f[THINK]{}", calls: [] }],
  ["Mistral, no object", mistral, "[TOOL_CALLS]f[ARGS]7", { content: "f[ARGS]7", calls: [] }],
  ["Mistral, cut off in its name", mistral, "[TOOL_CALLS]get_t", { content: "get_t", calls: [] }],
  ["Mistral, a list that is none", mistral, "[1, 2, 3] are numbers", { content: "[1, 2, 3] are numbers", calls: [] }],
  [
    "Llama 3.1",
    llama3Json,
    '{"name": "get_weather", "parameters": {"city": "Paris", "unit": "celsius"}}',
    { content: "", calls: [weather] },
  ],
  [
    "Llama 3.1, after its control token, two calls",
    llama3Json,
    '<|python_tag|>{"name": "get_weather", "parameters": {"city": "Paris", "unit": "celsius"}}; {"name": "get_time", "parameters": {"zone": "CET"}}',
    { content: "", calls: [weather, time] },
  ],
  [
    "Llama 3.2, with a type and no arguments",
    llama3Json,
    '{"type": "function", "name": "list_files"}',
    { content: "", calls: [{ name: "list_files", arguments: "{}" }] },
  ],
  ["Llama, JSON that is no call", llama3Json, '{"answer": 42}', { content: '{"answer": 42}', calls: [] }],
  ["Llama, text", llama3Json, "Paris is warm.", { content: "Paris is warm.", calls: [] }],
];

describe("calls in what a model says", () => {
  it.each(shapes)("%s", (_name, format, text, expected) => {
    expect(read(format, [text])).toEqual(expected);
    expect(read(format, [...text])).toEqual(expected);
  });

  it("are the same however the text is cut", () => {
    const words = fc.constantFrom(
      ...shapes.map(([, , text]) => text),
      "<tool_",
      "call>",
      "[TOOL_CALLS]",
      "[ARGS]",
      "[CALL_ID]",
      "f",
      '{"name":"f"',
      "}",
      "]",
      ",",
      ";",
      ' "',
      "\\",
      "x\n",
    );
    fc.assert(
      fc.property(
        fc.constantFrom(hermes, mistral, llama3Json),
        fc.array(words, { maxLength: 6 }).map((parts) => parts.join("")),
        fc.array(fc.nat(12), { maxLength: 200 }),
        (format, text, lengths) => {
          const pieces: string[] = [];
          let at = 0;
          for (const length of lengths) pieces.push(text.slice(at, (at += length)));
          pieces.push(text.slice(at));
          expect(read(format, pieces)).toEqual(read(format, [text]));
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("what models really said", () => {
  const cases = recordedOutputs.map((one) => [`${one.model} (${one.source})`, one] as const);

  it.each(cases)(
    "%s: is read whole, and in two deltas however they are cut",
    (_name, { format, text, content, calls }) => {
      const expected = { content, calls: [...calls] };
      expect(read(format, [text])).toEqual(expected);
      expect(read(format, [...text])).toEqual(expected);
      for (let at = 1; at < text.length; at++)
        expect(read(format, [text.slice(0, at), text.slice(at)])).toEqual(expected);
    },
  );

  it.each(cases)("%s: has arguments that are JSON", (_name, { calls }) => {
    for (const call of calls) expect(typeof JSON.parse(call.arguments)).toBe("object");
  });
});
