import * as fc from "fast-check";

/** A request of the fuzzer: a path and the bytes of its body, or no body for a GET. */
export interface FuzzedRequest {
  readonly path: string;
  readonly body: string | Uint8Array | undefined;
}

const odd = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom<unknown>(
    null,
    -1,
    0,
    1,
    0.5,
    1e308,
    -1e308,
    2 ** 31,
    2 ** 53,
    -(2 ** 53),
    "",
    "a",
    "\ud800",
    "\u0000",
    "NaN",
    [],
    {},
    [[]],
    [null],
    [[1], "a"],
    { a: {} },
  ),
);
const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.constantFrom("Hi", "x".repeat(200), "<|endoftext|>"),
);
const ids = fc.array(fc.integer({ min: 0, max: 256 }), { minLength: 1, maxLength: 6 });
const flag = fc.boolean();
const keywords =
  "type properties items enum anyOf $ref minimum exclusiveMaximum multipleOf maxLength pattern propertyNames maxProperties".split(
    " ",
  );
const schema = fc.oneof(
  fc.constantFrom<unknown>(
    { type: "integer" },
    { enum: ["a", 1] },
    { type: "object", properties: { a: { type: "boolean" } }, required: ["a"] },
    { $ref: "#" },
    { type: "wat" },
    true,
  ),
  fc.dictionary(fc.constantFrom(...keywords), odd, { maxKeys: 2 }),
);
const tool = fc.record({
  type: fc.constant("function"),
  function: fc.record({ name: fc.constantFrom("f", "g", "a b"), parameters: schema }, { requiredKeys: ["name"] }),
});

/** Values that a field is meant for; the fuzzer takes odd ones as often. */
const common: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  model: fc.oneof(
    { weight: 20, arbitrary: fc.constant("books-5m") },
    { weight: 1, arbitrary: fc.constantFrom("nobody", "../../etc/passwd", "__proto__", "constructor") },
  ),
  max_tokens: fc.integer({ min: 1, max: 4 }),
  min_tokens: fc.integer({ min: 0, max: 1 }),
  temperature: fc.double({ min: 0, max: 100, noNaN: true }),
  top_p: fc.double({ min: 0, max: 1, noNaN: true }),
  min_p: fc.double({ min: 0, max: 1, noNaN: true }),
  top_k: fc.integer({ min: -1, max: 300 }),
  frequency_penalty: fc.double({ min: -2, max: 2, noNaN: true }),
  presence_penalty: fc.double({ min: -2, max: 2, noNaN: true }),
  repetition_penalty: fc.double({ min: 0.1, max: 3, noNaN: true }),
  logit_bias: fc.dictionary(fc.constantFrom("1", "65", "256"), fc.double({ min: -100, max: 100, noNaN: true })),
  seed: fc.integer(),
  n: fc.integer({ min: 1, max: 3 }),
  ignore_eos: flag,
  stop: fc.oneof(text, fc.array(text, { maxLength: 3 })),
  stream: flag,
  stream_options: fc.record({ include_usage: flag }),
  user: text,
  cache_salt: text,
  timeout_ms: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
};
const structured: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  response_format: fc.oneof(
    fc.constantFrom({ type: "text" }, { type: "json_object" }),
    fc.record({ type: fc.constant("json_schema"), json_schema: fc.record({ name: fc.constant("a"), schema }) }),
  ),
  guided_regex: fc.oneof(
    fc.constantFrom("[a-c]+", "a|b", "(", "\\d{2}"),
    fc.string({ maxLength: 6, unit: fc.constantFrom(..."ab[]()|*+?{}^$\\.-1,") }),
  ),
  guided_choice: fc.array(text, { maxLength: 3 }),
  guided_json: fc.oneof(
    schema,
    schema.map((value) => JSON.stringify(value)),
    text,
  ),
  structured_outputs: fc.record(
    {
      json: schema,
      regex: fc.constantFrom("[a-c]+", "("),
      choice: fc.array(text, { maxLength: 2 }),
      json_object: flag,
    },
    { requiredKeys: [] },
  ),
};
const message = fc.record(
  {
    role: fc.constantFrom("system", "user", "assistant", "tool", "wizard"),
    content: fc.oneof(text, odd),
    tool_call_id: text,
    name: text,
  },
  { requiredKeys: ["role", "content"] },
);

/** Fields of each endpoint that takes a body. */
export const endpoints: Readonly<Record<string, Readonly<Record<string, fc.Arbitrary<unknown>>>>> = {
  "/v1/completions": {
    ...common,
    ...structured,
    prompt: fc.oneof(text, ids, fc.array(text, { maxLength: 3 }), fc.array(ids, { maxLength: 3 })),
    max_tokens: fc.integer({ min: 0, max: 4 }),
    echo: flag,
    logprobs: fc.integer({ min: 0, max: 20 }),
    // OpenAI's fields that change nothing at these values.
    best_of: fc.constant(1),
    suffix: fc.constant(""),
  },
  "/v1/chat/completions": {
    ...common,
    ...structured,
    messages: fc.array(message, { minLength: 1, maxLength: 3 }),
    logprobs: flag,
    top_logprobs: fc.integer({ min: 0, max: 20 }),
    max_completion_tokens: fc.integer({ min: 1, max: 4 }),
    chat_template_kwargs: fc.dictionary(fc.constantFrom("a", "messages", "__proto__"), fc.oneof(flag, odd)),
    parallel_tool_calls: flag,
    // OpenAI's fields that change nothing at these values.
    audio: fc.constant(null),
    function_call: fc.constantFrom("none", "auto"),
    functions: fc.constant([]),
    metadata: fc.dictionary(text, text, { maxKeys: 2 }),
    modalities: fc.constant(["text"]),
    prediction: fc.constant(null),
    prompt_cache_key: text,
    prompt_cache_retention: fc.constantFrom("in-memory", "in_memory"),
    reasoning_effort: fc.constant("none"),
    safety_identifier: text,
    service_tier: fc.constantFrom("auto", "default"),
    store: fc.constant(false),
    verbosity: fc.constant("medium"),
    web_search_options: fc.constant(null),
    tools: fc.array(tool, { maxLength: 2 }),
    tool_choice: fc.oneof(
      fc.constantFrom("none", "auto", "required"),
      fc.constant({ type: "function", function: { name: "f" } }),
    ),
  },
  "/v1/embeddings": {
    model: common["model"]!,
    input: fc.oneof(text, ids, fc.array(text, { maxLength: 3 }), fc.array(ids, { maxLength: 3 })),
    encoding_format: fc.constantFrom("float", "base64"),
    dimensions: fc.constantFrom(256, 4, 0),
    pooling: fc.constantFrom("mean", "last"),
    user: text,
  },
  "/tokenize": {
    model: common["model"]!,
    prompt: text,
    messages: fc.array(message, { maxLength: 2 }),
    add_special_tokens: flag,
    add_generation_prompt: flag,
    return_token_strs: flag,
  },
  "/detokenize": { model: common["model"]!, tokens: ids },
};
const needed = new Set(["model", "prompt", "messages", "input", "tokens", "max_tokens"]);

function bodyOf(fields: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<Record<string, unknown>> {
  const names = Object.keys(fields);
  // A prompt and messages exclude each other.
  const mostly = names.filter((name) => needed.has(name) && !(name === "messages" && names.includes("prompt")));
  const others = names.filter((name) => !mostly.includes(name));
  const some = fc.subarray(others, { maxLength: Math.min(4, others.length) });
  const chosen = some.map((optional) => [...mostly, ...optional]);
  return chosen.chain((all) => {
    const sound = fc.record(Object.fromEntries(all.map((name) => [name, fields[name]!])));
    const broken = fc
      .constantFrom(...all, "__proto__", "wat")
      .chain((name) => odd.map((value) => [name, value] as const));
    return fc
      .tuple(sound, fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 2, arbitrary: broken }))
      .map(([body, fault]) => (fault ? withField(body, ...fault) : body));
  });
}

function withField(body: Record<string, unknown>, name: string, value: unknown): Record<string, unknown> {
  const copy = { ...body };
  Object.defineProperty(copy, name, { value, enumerable: true, configurable: true, writable: true });
  return copy;
}

const posts: fc.Arbitrary<FuzzedRequest> = fc.constantFrom(...Object.keys(endpoints)).chain((path) => {
  const body = bodyOf(endpoints[path]!).map((fields) => JSON.stringify(fields));
  const cut = fc
    .tuple(body, fc.nat(400), fc.constantFrom("", "}", "NaN", '"', ",", "\u0000"))
    .map(([json, at, more]) => json.slice(0, at) + more);
  return fc.record({
    path: fc.constant(path),
    body: fc.oneof(
      { weight: 12, arbitrary: body },
      { weight: 1, arbitrary: cut },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }) },
    ),
  });
});

/** Ids of models as paths have them: encoded once, twice, badly, and on their way out of the tree. */
const modelIds = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom("books-5m", "books%2D5m", "x/../books-5m", "%62ooks-5m") },
  {
    weight: 4,
    arbitrary: fc.string({
      unit: fc.constantFrom(
        ..."/.%?#;\\: ~@",
        ..."books-5m",
        "..",
        "%2e",
        "%2F",
        "%5c",
        "%00",
        "%ff",
        "%25",
        "%E0%A4",
        "\u0000",
        "é",
      ),
      minLength: 1,
      maxLength: 12,
    }),
  },
  { weight: 1, arbitrary: fc.string({ unit: "binary", minLength: 1, maxLength: 20 }) },
  { weight: 1, arbitrary: fc.webPath() },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "__proto__",
      "constructor",
      "../../etc/passwd",
      "..%2f..%2fetc%2fpasswd",
      "a".repeat(10_000),
    ),
  },
);
const gets = modelIds.map((id): FuzzedRequest => ({ path: `/v1/models/${id}`, body: undefined }));

/** Requests to every endpoint: sound ones, ones with a wrong value somewhere, bytes that are hardly JSON, and names of models that are none. */
export const fuzzedRequests: fc.Arbitrary<FuzzedRequest> = fc.oneof(
  { weight: 20, arbitrary: posts },
  { weight: 1, arbitrary: gets },
);
