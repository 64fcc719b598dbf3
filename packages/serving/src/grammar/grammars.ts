import { isWhittleError } from "@whittle/core";
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
  readonly client: WorkerClient;
  /** Grammars that it has compiled, or is compiling. */
  readonly known: Set<string>;
  /** Answers under way, and starts. */
  active: number;
  /** Someone waits until it is idle. */
  claimed: boolean;
}

/** Makes constraints of grammars (xgrammar's EBNF). Grammars are compiled and followed on threads of their own. */
export class Grammars {
  private readonly threads: Thread[] = [];
  private readonly waiting: (() => void)[] = [];
  private readonly vocabularies = new WeakMap<ServedModel, Vocabulary>();
  private started = 0;

  /**
   * Constraints for the answers of one request, once they are ready. Each must be disposed of.
   * @throws GrammarError, Overloaded, WorkerFailed; the signal's reason
   */
  async start(
    model: ServedModel,
    grammar: string,
    { count = 1, signal }: { count?: number; signal?: AbortSignal } = {},
  ): Promise<GrammarConstraint[]> {
    try {
      return await this.tryStart(model, grammar, count, signal);
    } catch (error) {
      // Another's grammar ended the thread that this one waited for.
      if (!isWhittleError(error, "worker_failed")) throw error;
      return this.tryStart(model, grammar, count, signal);
    }
  }

  private async tryStart(
    model: ServedModel,
    grammar: string,
    count: number,
    signal: AbortSignal | undefined,
  ): Promise<GrammarConstraint[]> {
    const vocabulary = this.vocabularyOf(model);
    const key = `${vocabulary.key}\n${grammar}`;
    const thread = await this.reserve(key, count, signal);
    const { client } = thread;
    const bytes = 4 * (HEAD_WORDS + Math.ceil(vocabulary.size / 32));
    const release = (): void => {
      thread.active--;
      this.wake();
    };
    const starting = Array.from({ length: count }, async () => {
      const matcher = this.started++;
      const shared = new SharedArrayBuffer(bytes);
      await client.call({ type: "start", matcher, grammar, vocabulary, shared } satisfies GrammarCall);
      return new GrammarConstraint(matcher, shared, (call) => {
        client.tell(call);
        if (call.type === "stop") release();
      });
    });
    try {
      return await inTime(Promise.all(starting));
    } catch (error) {
      void Promise.allSettled(starting);
      // After an abort of its native code, or in the middle of a long compilation, a thread is of no use any more.
      this.threads.splice(this.threads.indexOf(thread), 1);
      void client.close();
      this.wake();
      throw isWhittleError(error, "grammar") ? new GrammarError("", error.message) : error;
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.threads.map(({ client }) => client.close()));
  }

  /** Places on a thread that knows the grammar, or on one that is idle; else waits for one, which takes nobody else on until then. */
  private async reserve(key: string, count: number, signal: AbortSignal | undefined): Promise<Thread> {
    for (let mine: Thread | undefined; ;) {
      if (signal?.aborted && mine) mine.claimed = false;
      signal?.throwIfAborted();
      const fit =
        this.threads.find(({ known, claimed }) => known.has(key) && !claimed) ??
        this.threads.find((thread) => thread.active === 0 && (thread === mine || !thread.claimed)) ??
        this.begin();
      if (fit) {
        if (mine) mine.claimed = false;
        fit.active += count;
        fit.known.add(key);
        this.wake();
        return fit;
      }
      if (this.waiting.length >= MOST_WAITING) throw new Overloaded(this.waiting.length);
      mine ??= this.claim();
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  private begin(): Thread | undefined {
    if (this.threads.length >= MOST_THREADS) return undefined;
    const thread = { client: new WorkerClient("grammar-worker"), known: new Set<string>(), active: 0, claimed: false };
    this.threads.push(thread);
    return thread;
  }

  /** The thread that will be idle soonest, for a grammar that none knows: else those that are known would keep it out for ever. */
  private claim(): Thread | undefined {
    const [soonest] = this.threads.filter(({ claimed }) => !claimed).sort((one, other) => one.active - other.active);
    if (soonest) soonest.claimed = true;
    return soonest;
  }

  /** Something has changed for those that wait. */
  private wake(): void {
    for (const look of this.waiting.splice(0)) look();
  }

  private vocabularyOf(model: ServedModel): Vocabulary {
    const known = this.vocabularies.get(model);
    if (known) return known;
    const { path, tokenizer } = model;
    const size = model.model.shape.vocabSize;
    const endIds = [...endTokenIds(model)].filter((id) => id < size);
    const tokens = (): string[] =>
      Array.from({ length: size }, (_, id) => byteLevel(tokenizer.tokenBytes(id) ?? new Uint8Array()));
    const key = path ?? `${model.name} ${this.started}`;
    const vocabulary = { key, size, endIds, ...(path === undefined ? { tokens: tokens() } : { path }) };
    this.vocabularies.set(model, vocabulary);
    return vocabulary;
  }
}

async function inTime<T>(started: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new GrammarError("", "the grammar takes too long to compile")), COMPILE_LIMIT_MS);
  });
  try {
    return await Promise.race([started, late]);
  } finally {
    clearTimeout(timer);
  }
}
