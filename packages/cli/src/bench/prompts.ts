import { type PlannedRequest } from "./planned-request.js";
import { type Random, randomNumbers, stream } from "./random-numbers.js";

/** Common words, so that a tokenizer gives most of them one token and none of them many. */
const words = (
  "the of and to in a is that for it was on are as with his they at be this from have or by one had not but what all were when we " +
  "there can an your which their said if do will each about how up out them then she many some so these would other into has more her " +
  "two like him see time could no make than first been its who now people my made over did down only way find use may water long little " +
  "very after words called just where most know get through back much before go good new write our used me man too any day same right look"
).split(" ");

/** Mooncake's traces name a block by every 512 tokens. */
const blockTokens = 512;

/**
 * Texts of about so many tokens, different for each request, so that no server answers from a cache unless the trace says that blocks are the same.
 * `wordsPerToken` comes from what the server counted in the warm-up (`calibrate`).
 */
export class Prompts {
  private wordsPerToken = 1;

  constructor(private readonly seed: number) {}

  /** Takes a text that was made here and the tokens that the server counted in it. */
  calibrate(text: string, tokens: number): void {
    if (tokens > 0) this.wordsPerToken = text.split(" ").length / tokens;
  }

  of({ promptTokens, blocks }: PlannedRequest, index: number): string {
    if (!blocks) return this.text(promptTokens, randomNumbers(this.seed, stream.prompts, index + 1));
    const whole = blocks.map((id, place) => {
      const tokens = Math.min(blockTokens, promptTokens - place * blockTokens);
      return this.text(tokens, randomNumbers(this.seed, stream.prompts, id + 2 ** 31));
    });
    return whole.filter((text) => text !== "").join(" ");
  }

  /** A text for the warm-up. */
  warmUp(tokens: number, index: number): string {
    return this.text(tokens, randomNumbers(this.seed, stream.warmUp, index));
  }

  private text(tokens: number, random: Random): string {
    const count = tokens > 0 ? Math.max(1, Math.round(tokens * this.wordsPerToken)) : 0;
    return Array.from({ length: count }, () => words[Math.floor(random() * words.length)]).join(" ");
  }
}
