import { z } from "zod";
import { type GenerateRequest, type Piece, type SampledLogprob } from "../request.js";
import { type ServedModel } from "../served-model.js";
import { answer, type AnswerFormat, type ChoiceWriter } from "./answer.js";
import { invalid } from "./api-error.js";
import { completionLogprobs } from "./logprobs.js";
import { neutralCompletionFields } from "./neutral-fields.js";
import { parseFields } from "./parse-fields.js";
import { type RequestContext } from "./request-context.js";
import { count, flag, generationFields, toDelivery, toSampling } from "./sampling-fields.js";
import { constrain, structureFields } from "./structure-fields.js";
import { type TokenInput, tokenInput } from "./token-input.js";

/** Answers that one request may ask for: prompts times choices. */
const MOST_ANSWERS = 1024;

export const completionSchema = z.object({
  ...generationFields,
  ...structureFields,
  prompt: tokenInput,
  echo: flag.optional(),
  logprobs: count(0).max(20, { error: "must be at most 20" }).optional(),
});

type Prompt = string | number[];

/** `POST /v1/completions` */
export async function completions(body: Record<string, unknown>, context: RequestContext): Promise<Response> {
  const { ignoreUnknownFields, models, signal } = context;
  const fields = parseFields(body, { schema: completionSchema, neutral: neutralCompletionFields, ignoreUnknownFields });
  const { n = 1, echo = false, logprobs } = fields;
  if (echo && logprobs !== undefined)
    throw invalid("echo", "echo is not supported together with logprobs: prompts have none", "unsupported_value");
  const delivery = toDelivery(fields);
  const { engine, prompts: encoder, grammars } = models.find(fields.model);
  const prompts = promptsOf(fields.prompt);
  if (prompts.length * n > MOST_ANSWERS)
    throw invalid("prompt", `${prompts.length} prompts with n = ${n} are more than ${MOST_ANSWERS} answers`);
  const ids = await encoder.encode(engine.model, prompts, {}, signal);
  const constraints = await constrain(fields, { engine, grammars, count: prompts.length * n, signal });
  const sampling = toSampling(fields, context);
  const requests = ids.map((prompt): GenerateRequest => ({
    ...sampling,
    prompt,
    signal,
    ...(logprobs !== undefined && { logprobs }),
    ...(constraints && { constraint: constraints.next }),
  }));
  const { tokenizer } = engine.model;
  const echoed = (index: number): string => {
    if (!echo) return "";
    const at = Math.floor(index / n);
    return typeof prompts[at] === "string" ? prompts[at] : tokenizer.decode(Array.from(ids[at]!));
  };
  const format: AnswerFormat = {
    idPrefix: "cmpl-",
    object: "text_completion",
    chunkObject: "text_completion",
    choice: (index) => new CompletionChoice(tokenizer, echoed(index)),
    opening: (index) => (echo ? { text: echoed(index), logprobs: null } : undefined),
  };
  return answer({
    engine,
    requests,
    n,
    format,
    model: fields.model,
    ...delivery,
    context,
    ...(constraints && { onEnd: constraints.dispose }),
  });
}

function promptsOf(prompt: TokenInput): readonly Prompt[] {
  if (typeof prompt === "string") return [prompt];
  const [first] = prompt;
  if (first === undefined || typeof first === "number") return [prompt as number[]];
  return prompt as Prompt[];
}

class CompletionChoice implements ChoiceWriter {
  readonly end = { text: "", logprobs: null };
  private text: string;
  private readonly sampled: SampledLogprob[] = [];
  private offset: number;

  constructor(
    private readonly vocabulary: ServedModel["tokenizer"],
    echoed: string,
  ) {
    this.text = echoed;
    this.offset = echoed.length;
  }

  part({ text, logprobs }: Piece): object | undefined {
    this.text += text;
    if (!logprobs) return text === "" ? undefined : { text, logprobs: null };
    this.sampled.push(...logprobs);
    if (text === "" && logprobs.length === 0) return undefined;
    const { object, offset } = completionLogprobs(logprobs, this.vocabulary, this.offset);
    this.offset = offset;
    return { text, logprobs: object };
  }

  whole(): object {
    const { text, sampled, vocabulary } = this;
    const logprobs = sampled.length > 0 ? completionLogprobs(sampled, vocabulary, 0).object : null;
    return { text, logprobs };
  }

  finishReason(reason: string): string {
    return reason;
  }
}
