import { type EncodeOptions, type RenderOptions } from "@whittle/models";
import { Overloaded } from "./errors.js";
import { type ChatMessage, type ServedModel } from "./served-model.js";
import { WorkerClient } from "./workers/worker-client.js";

/** What the tokenizer's thread is asked. */
export type EncodeCall =
  | { path: string; texts: readonly string[]; messages?: undefined; options: EncodeOptions }
  | { path: string; texts?: undefined; messages: readonly ChatMessage[]; options: RenderOptions };

/** A tokenizer that will be needed. */
export interface PrepareCall {
  readonly prepare: string;
}

/** Texts up to this many characters take less time (2 ms) than a trip to another thread is worth. */
const LONG = 4096;
/** Texts that wait for the thread at most; one more is refused. */
const MOST_WAITING = 64;

/** Turns texts and chats into token ids: short ones at once, long ones on a thread of their own, where they hold up nobody. */
export class PromptEncoder {
  private readonly worker = new WorkerClient("tokenizer-worker");

  /** Starts the thread and has it load the model's tokenizer, so that the first long text need not wait for that. */
  prepare({ path }: ServedModel): void {
    if (path === undefined) return;
    this.worker.start();
    this.worker.tell({ prepare: path } satisfies PrepareCall);
  }

  /** Ids of each text; what are ids already stay as they are. @throws TokenizerError, Overloaded; the signal's reason */
  async encode(
    model: ServedModel,
    inputs: readonly (string | ArrayLike<number>)[],
    options: EncodeOptions = {},
    signal?: AbortSignal,
  ): Promise<ArrayLike<number>[]> {
    const { path, tokenizer } = model;
    const texts = inputs.filter((input) => typeof input === "string");
    const ids =
      path === undefined || !isLong(texts)
        ? texts.map((text) => tokenizer.encode(text, options))
        : await this.ask<Int32Array[]>({ path, texts, options }, signal);
    let next = 0;
    return inputs.map((input) => (typeof input === "string" ? ids[next++]! : input));
  }

  /** @throws ChatTemplateMissing, ChatTemplateError, TokenizerError, Overloaded; the signal's reason */
  async encodeChat(
    model: ServedModel,
    messages: readonly ChatMessage[],
    options: RenderOptions = {},
    signal?: AbortSignal,
  ): Promise<Int32Array> {
    const { path } = model;
    if (path === undefined || !isLong([messages, options])) return model.tokenizer.encodeChat(messages, options);
    return this.ask<Int32Array>({ path, messages, options }, signal);
  }

  close(): Promise<void> {
    return this.worker.close();
  }

  private async ask<T>(call: EncodeCall, signal: AbortSignal | undefined): Promise<T> {
    signal?.throwIfAborted();
    const { pendingCalls } = this.worker;
    if (pendingCalls >= MOST_WAITING) throw new Overloaded(pendingCalls);
    const answer = this.worker.call<T>(call);
    if (!signal) return answer;
    let stop: (() => void) | undefined;
    const aborted = new Promise<never>((_, reject) => {
      stop = () => reject(signal.reason as Error);
      signal.addEventListener("abort", stop);
    });
    try {
      return await Promise.race([answer, aborted]);
    } finally {
      signal.removeEventListener("abort", stop!);
      answer.catch(() => undefined);
    }
  }
}

/** Whether the texts in a value have more than `LONG` characters in all. */
function isLong(value: unknown): boolean {
  let room = LONG;
  const visit = (one: unknown): void => {
    if (typeof one === "string") room -= one.length;
    else if (typeof one === "object" && one !== null) for (const inner of Object.values(one)) visit(inner);
  };
  visit(value);
  return room < 0;
}
