import { type RequestBody } from "./api.js";

/** What the form holds. An empty field is left to the server. */
export interface Settings {
  readonly temperature: number;
  readonly maxTokens: string;
  readonly seed: string;
  readonly topK: string;
  readonly topP: string;
  readonly minP: string;
  /** One a line. */
  readonly stop: string;
}

export const initialSettings: Settings = {
  temperature: 0.8,
  maxTokens: "300",
  seed: "",
  topK: "",
  topP: "",
  minP: "",
  stop: "",
};

/** The settings as fields of a request. */
export function fieldsOf({ temperature, maxTokens, seed, topK, topP, minP, stop }: Settings): RequestBody {
  const stops = stop.split("\n").filter((line) => line !== "");
  return {
    temperature,
    ...numberField("max_tokens", maxTokens),
    ...numberField("top_k", topK),
    ...numberField("top_p", topP),
    ...numberField("min_p", minP),
    ...numberField("seed", seed),
    ...(stops.length > 0 && { stop: stops }),
  };
}

function numberField(name: string, text: string): RequestBody {
  return text.trim() === "" ? {} : { [name]: Number(text) };
}
