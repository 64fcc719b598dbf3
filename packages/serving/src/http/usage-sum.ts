import { type Usage } from "../request.js";

/** The tokens of several generations, as OpenAI counts them: a prompt once, however many choices it has. */
export class UsageSum {
  completionTokens = 0;
  private promptTokens = 0;
  private cachedTokens = 0;

  constructor(private readonly choicesOfPrompt: number) {}

  add(index: number, { promptTokens, cachedTokens, completionTokens }: Usage): void {
    this.completionTokens += completionTokens;
    if (index % this.choicesOfPrompt > 0) return;
    this.promptTokens += promptTokens;
    this.cachedTokens += cachedTokens;
  }

  toJSON(): object {
    const { promptTokens, cachedTokens, completionTokens } = this;
    return {
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
      prompt_tokens_details: { cached_tokens: cachedTokens },
    };
  }
}
