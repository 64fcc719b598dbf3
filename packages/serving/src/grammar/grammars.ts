import { WhittleError } from "@whittle/core";
import { Overloaded } from "../errors.js";
import { endTokenIds, type ServedModel } from "../served-model.js";
import { WorkerClient } from "../workers/worker-client.js";
import { byteLevel } from "./byte-level.js";
import { type GrammarCall, HEAD_WORDS, type Vocabulary } from "./grammar-calls.js";
import { GrammarError } from "./grammar-error.js";
import { GrammarConstraint } from "./grammar-constraint.js";

/** Threads for grammars. Each knows its own; a new grammar is compiled (0.1 to 1 s) on one that no answer waits for. */
const MOST_THREADS = 2;
const MOST_WAITING = 64;
/** A grammar that takes longer to compile is refused, and its thread begun anew. */
const COMPILE_LIMIT_MS = 20_000;

interface Thread {
  client: WorkerClient;
  /** Grammars that it has compiled. */
  readonly known: Set<string>;
  /** Answers under way, and starts. */
  active: number;
}

/** Makes constraints of grammars (xgrammar's EBNF). Grammars are compiled and followed on threads of their own. */
export class Grammars {
  private readonly threads: Thread[] = [];
  private readonly waiting: (() => void)[] = [];
  private readonly vocabularies = new WeakMap<ServedModel, Vocabulary>();
  private started = 0;

  /**
   * A constraint for one answer, once it is ready. It must be disposed of.
   * @throws GrammarError, Overloaded, WorkerFailed; the signal's reason
   */
  async start(model: ServedModel, grammar: string, signal?: AbortSignal): Promise<GrammarConstraint> {
    const vocabulary = this.vocabularyOf(model);
    const key = `${vocabulary.key}\n${grammar}`;
    const thread = await this.reserve(key, signal);
    const release = (): void => {
      thread.active--;
      this.waiting.shift()?.();
    };
    const matcher = this.started++;
    const { client } = thread;
    const shared = new SharedArrayBuffer(4 * (HEAD_WORDS + Math.ceil(vocabulary.size / 32)));
    try {
      await this.inTime(
        thread,
        client.call({ type: "start", matcher, grammar, vocabulary, shared } satisfies GrammarCall),
      );
    } catch (error) {
      release();
      throw error instanceof WhittleError && error.code === "grammar" ? new GrammarError("", error.message) : error;
    }
    thread.known.add(key);
    return new GrammarConstraint(matcher, shared, (call) => {
      client.tell(call);
      if (call.type === "stop") release();
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.threads.map(({ client }) => client.close()));
  }

  private async inTime(thread: Thread, started: Promise<unknown>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new GrammarError("", "the grammar takes too long to compile")), COMPILE_LIMIT_MS);
    });
    try {
      await Promise.race([started, late]);
    } catch (error) {
      started.catch(() => undefined);
      // After an abort of its native code, or in the middle of a long compilation, a thread is of no use any more.
      void thread.client.close();
      thread.client = new WorkerClient("grammar-worker");
      thread.known.clear();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** A place on a thread that knows the grammar, or on one that is idle; else waits for one. */
  private async reserve(key: string, signal: AbortSignal | undefined): Promise<Thread> {
    for (;;) {
      signal?.throwIfAborted();
      const fit = this.threads.find(({ known }) => known.has(key)) ?? this.threads.find(({ active }) => active === 0);
      if (fit) {
        fit.active++;
        return fit;
      }
      if (this.threads.length < MOST_THREADS) {
        const thread = { client: new WorkerClient("grammar-worker"), known: new Set<string>(), active: 1 };
        this.threads.push(thread);
        return thread;
      }
      if (this.waiting.length >= MOST_WAITING) throw new Overloaded(this.waiting.length);
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  private vocabularyOf(model: ServedModel): Vocabulary {
    const known = this.vocabularies.get(model);
    if (known) return known;
    const { folder, tokenizer } = model;
    const size = model.model.shape.vocabSize;
    const endIds = [...endTokenIds(model)].filter((id) => id < size);
    const tokens = (): string[] =>
      Array.from({ length: size }, (_, id) => byteLevel(tokenizer.tokenBytes(id) ?? new Uint8Array()));
    const key = folder ?? `${model.name} ${this.started}`;
    const vocabulary = { key, size, endIds, ...(folder === undefined ? { tokens: tokens() } : { folder }) };
    this.vocabularies.set(model, vocabulary);
    return vocabulary;
  }
}
