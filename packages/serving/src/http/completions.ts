import { z } from "zod";
import { type GenerateRequest, type Piece } from "../request.js";
import { type ServedModel } from "../served-model.js";
import { answer, type AnswerFormat, type ChoiceWriter } from "./answer.js";
import { invalid } from "./api-error.js";
import { CompletionLogprobsWriter } from "./completion-logprobs.js";
import { neutralCompletionFields } from "./neutral-fields.js";
import { parseFields } from "./parse-fields.js";
import { type RequestContext } from "./request-context.js";
import { count, flag, generationFields, toDelivery, toSampling } from "./sampling-fields.js";
import { constrain, structureFields } from "./structure-fields.js";
import { type TokenInput, tokenInput } from "./token-input.js";

/** Answers that one request may ask for: prompts times choices. */
const MOST_ANSWERS = 1024;
/** Log-probabilities of prompts that one request may ask for: all of them are in memory at once. */
const MOST_PROMPT_LOGPROBS = 2 ** 18;

export const completionSchema = z.object({
  ...generationFields,
  ...structureFields,
  /** With `echo` there may be none. */
  max_tokens: count(0).optional(),
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
  if (fields.max_tokens === 0 && !echo)
    throw invalid("max_tokens", "max_tokens must be at least 1, but got 0, which is for echo: true");
  const delivery = toDelivery(fields);
  const { engine, prompts: encoder, grammars } = models.find(fields.model);
  const prompts = promptsOf(fields.prompt);
  if (prompts.length * n > MOST_ANSWERS)
    throw invalid("prompt", `${prompts.length} prompts with n = ${n} are more than ${MOST_ANSWERS} answers`);
  const ids = await encoder.encode(engine.model, prompts, {}, signal);
  if (echo && logprobs !== undefined) {
    const told = ids.reduce((sum, { length }) => sum + length, 0) * n * (1 + logprobs);
    if (told > MOST_PROMPT_LOGPROBS)
      throw invalid(
        "logprobs",
        `echo asks for ${told} log-probabilities of the prompts' tokens, but at most ${MOST_PROMPT_LOGPROBS} are told`,
      );
  }
  const constraints = await constrain(fields, { engine, grammars, count: prompts.length * n, signal });
  const sampling = toSampling(fields, context);
  const requests = ids.map((prompt): GenerateRequest => ({
    ...sampling,
    prompt,
    signal,
    ...(logprobs !== undefined && { logprobs }),
    ...(logprobs !== undefined && echo && { promptLogprobs: logprobs }),
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
    choice: (index) => new CompletionChoice(tokenizer, ids[Math.floor(index / n)]!, echo ? echoed(index) : undefined),
    // With log-probabilities the prompt comes with the first piece, which brings those of its tokens.
    opening: (index) => (echo && logprobs === undefined ? { text: echoed(index), logprobs: null } : undefined),
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
  private writer: CompletionLogprobsWriter | undefined;

  constructor(
    private readonly vocabulary: ServedModel["tokenizer"],
    private readonly prompt: ArrayLike<number>,
    private readonly echoed: string | undefined,
  ) {
    this.text = echoed ?? "";
  }

  part(piece: Piece): object | undefined {
    const { logprobs, promptLogprobs } = piece;
    this.text += piece.text;
    const text = promptLogprobs ? (this.echoed ?? "") + piece.text : piece.text;
    const told = [...(promptLogprobs?.map((one, at) => one ?? { token: this.prompt[at]! }) ?? []), ...(logprobs ?? [])];
    if (told.length === 0) return text === "" ? undefined : { text, logprobs: null };
    this.writer ??= this.begin(promptLogprobs !== undefined);
    return { text, logprobs: this.writer.add(told) };
  }

  whole(): object {
    return { text: this.text, logprobs: this.writer?.whole() ?? null };
  }

  finishReason(reason: string): string {
    return reason;
  }

  /** Tokens of the prompt are told first, or those after it. */
  private begin(withPrompt: boolean): CompletionLogprobsWriter {
    const after = withPrompt ? {} : { after: this.prompt };
    return new CompletionLogprobsWriter(this.vocabulary, this.vocabulary.detokenizer(after));
  }
}
