import { type Engine, type RequestEvent } from "@whittle/serving";

/** What the server does at one moment, for the page's charts. */
export interface StatsSample {
  /** Tokens per second since the sample before: generated, and read of prompts. */
  readonly generatedPerSecond: number;
  readonly promptPerSecond: number;
  readonly running: number;
  readonly waiting: number;
  /** Share of the cache's blocks in use, from 0 to 1. */
  readonly cacheUsed: number;
  /** Time to first token of the last request that got one; null before the first. */
  readonly firstTokenMs: number | null;
}

const PERIOD_MS = 500;
const encoder = new TextEncoder();

/** Samples of an engine as server-sent events. Nothing is sampled while nobody watches. */
export class StatsFeed {
  private readonly queuedAt = new Map<string, number>();
  private readonly watchers = new Set<ReadableStreamDefaultController<Uint8Array>>();
  private firstTokenMs: number | null = null;
  private timer: NodeJS.Timeout | undefined;
  private before = { timeMs: 0, generated: 0, prompt: 0 };

  constructor(private readonly engine: Pick<Engine, "stats">) {}

  /** To be told of every event of a request. */
  readonly onEvent = (event: RequestEvent): void => {
    const { requestId, timeMs } = event;
    if (event.type === "queued") {
      this.queuedAt.set(requestId, timeMs);
    } else if (event.type === "firstToken") {
      this.firstTokenMs = timeMs - (this.queuedAt.get(requestId) ?? timeMs);
    } else if (event.type === "finished") {
      this.queuedAt.delete(requestId);
    }
  };

  /** `GET /page/stats`: a sample every half second until the client leaves. */
  response(): Response {
    let own: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        own = controller;
        this.watch(controller);
      },
      cancel: () => this.leave(own),
    });
    return new Response(body, { headers: { "content-type": "text/event-stream", "cache-control": "no-store" } });
  }

  /** Ends every stream, so that a server can close. */
  close(): void {
    for (const watcher of this.watchers) {
      watcher.close();
      this.leave(watcher);
    }
  }

  /** What happened since the last sample. */
  sample(timeMs: number): StatsSample {
    const { generatedTokens, promptTokens, running, waiting, blocks } = this.engine.stats();
    const seconds = (timeMs - this.before.timeMs) / 1000;
    const sample = {
      generatedPerSecond: (generatedTokens - this.before.generated) / seconds,
      promptPerSecond: (promptTokens - this.before.prompt) / seconds,
      running,
      waiting,
      cacheUsed: 1 - blocks.free / blocks.total,
      firstTokenMs: this.firstTokenMs,
    };
    this.before = { timeMs, generated: generatedTokens, prompt: promptTokens };
    return sample;
  }

  private watch(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.watchers.add(controller);
    if (this.timer) return;
    const { generatedTokens, promptTokens } = this.engine.stats();
    this.before = { timeMs: performance.now(), generated: generatedTokens, prompt: promptTokens };
    this.timer = setInterval(() => this.send(), PERIOD_MS);
  }

  private leave(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.watchers.delete(controller);
    if (this.watchers.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private send(): void {
    const event = encoder.encode(`data: ${JSON.stringify(this.sample(performance.now()))}\n\n`);
    for (const watcher of this.watchers) {
      // Who does not read misses samples; they are not kept for them.
      if (watcher.desiredSize === null || watcher.desiredSize > 0) watcher.enqueue(event);
    }
  }
}
