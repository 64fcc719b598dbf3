import { afterAll, describe, expect, it } from "vitest";
import { createEngine, type Engine } from "../engine.js";
import { END } from "../testing/byte-tokenizer.js";
import { controlTokenizer } from "../testing/control-tokenizer.js";
import { post, postJson, readChunks } from "../testing/http.js";
import { recordedOutputs } from "../testing/recorded-outputs.js";
import { scriptedModel } from "../testing/toy-models.js";
import { createHandler } from "./create-handler.js";

const path = "/v1/chat/completions";
const prompt = "Hi";
const messages = [{ role: "user", content: prompt }];
const engines: Engine[] = [];
afterAll(() => Promise.all(engines.map((engine) => engine.close({ abort: true }))));

/** A server of a model that says this text, with these words as control tokens of its tokenizer. */
function saying(text: string, control: readonly string[], sign: string) {
  const tokenizer = controlTokenizer(control, `{# ${sign} #}{{ messages[0].content }}`);
  const ids = [...tokenizer.encode(prompt + text, { parseControl: true }), END];
  expect(ids.filter((id) => id >= 0xf8 && id < END)).toHaveLength(
    text.split(/\[[A-Z_]+\]|<\/?tool_call>|<\|python_tag\|>/).length - 1,
  );
  const engine = createEngine({ model: { ...scriptedModel(ids), tokenizer } });
  engines.push(engine);
  return createHandler(engine);
}

const tools = ["get_current_weather", "web_search", "trending_songs", "search"].map((name) => ({
  type: "function",
  function: { name },
}));
const marked = recordedOutputs.filter(({ format, text, calls }) => calls.length > 0 && text.includes(format.marker));

describe("markers that are control tokens of the tokenizer", () => {
  it.each(marked.map((one) => [`${one.model} (${one.source})`, one] as const))(
    "reach the parser: %s",
    async (_name, { format, text, calls }) => {
      const handler = saying(text, format.control, format.marker);
      const { json } = await postJson(handler, path, { model: "toy", messages, tools });
      const [{ message, finish_reason: reason }] = json.choices;
      expect(reason).toBe("tool_calls");
      expect(message.content).toBeNull();
      expect(message.tool_calls.map((call: { function: object }) => call.function)).toEqual(calls);

      const chunks = await readChunks(await handler(post(path, { model: "toy", messages, tools, stream: true })));
      const deltas = chunks.flatMap(({ choices }) => choices[0].delta.tool_calls ?? []);
      const joined = calls.map((_, at) =>
        deltas
          .filter(({ index }) => index === at)
          .map((delta) => delta.function.arguments)
          .join(""),
      );
      expect(joined).toEqual(calls.map((call) => call.arguments));
      expect(chunks.map(({ choices }) => choices[0].delta.content ?? "").join("")).toBe("");
    },
  );

  it("stand in no text, with tools or without", async () => {
    const handler = saying("Well.[TOOL_CALLS]f[ARGS]{}", ["[TOOL_CALLS]", "[ARGS]"], "[TOOL_CALLS]");
    const ask = async (fields: object) =>
      (await postJson(handler, path, { model: "toy", messages, ...fields })).json.choices[0].message;
    expect(await ask({ tools })).toMatchObject({
      content: "Well.",
      tool_calls: [{ function: { name: "f", arguments: "{}" } }],
    });
    expect((await ask({})).content).toBe("Well.f{}");
    expect((await ask({ tools, tool_choice: "none" })).content).toBe("Well.f{}");
  });
});
