/**
 * OpenAI's own fields that change nothing at the values given here: clients send them by habit. At any other value they would ask for something that is not there,
 * and are refused. `null` is neutral everywhere.
 */
export interface NeutralField {
  /** What is accepted, in words. */
  readonly accepts: string;
  readonly neutral: (value: unknown) => boolean;
}

type NeutralFields = Readonly<Record<string, NeutralField>>;

const oneOf = (...values: readonly unknown[]): NeutralField => ({
  accepts: values.map((value) => JSON.stringify(value)).join(" or "),
  neutral: (value) => values.includes(value),
});
const emptyArray: NeutralField = { accepts: "[]", neutral: (value) => Array.isArray(value) && value.length === 0 };
const nothing: NeutralField = { accepts: "null", neutral: () => false };
/** Said for the provider's own books; it never changes the answer. */
const anyString: NeutralField = { accepts: "a string", neutral: (value) => typeof value === "string" };
const anyObject: NeutralField = { accepts: "an object", neutral: isObject };

const common: NeutralFields = {
  user: anyString,
};

export const neutralCompletionFields: NeutralFields = {
  ...common,
  best_of: oneOf(1),
  suffix: oneOf(""),
};

export const neutralChatFields: NeutralFields = {
  ...common,
  audio: nothing,
  function_call: oneOf("none", "auto"),
  functions: emptyArray,
  metadata: anyObject,
  modalities: {
    accepts: '["text"]',
    neutral: (value) => Array.isArray(value) && value.length === 1 && value[0] === "text",
  },
  prediction: nothing,
  prompt_cache_key: anyString,
  prompt_cache_retention: oneOf("in-memory", "in_memory"),
  reasoning_effort: oneOf("none"),
  safety_identifier: anyString,
  service_tier: oneOf("auto", "default"),
  store: oneOf(false),
  verbosity: oneOf("medium"),
  web_search_options: nothing,
};

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
