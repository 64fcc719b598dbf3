import { Agent, type IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { type RandomNumbers } from "../shared/random-numbers.js";
import { completionText, post, streamText, textOf } from "./post.js";

/** A request and what it is answered when it is alone. */
export interface KnownRequest {
  readonly body: object;
  readonly alone: string;
}

/** What clients did, by name, and the answers that were not as they should be. */
export class Tally {
  readonly done: Record<Behaviour, number> = { whole: 0, streamed: 0, cancelled: 0, left: 0, reset: 0, paused: 0 };
  readonly faults: string[] = [];
}

type Behaviour = "whole" | "streamed" | "cancelled" | "left" | "reset" | "paused";

/** Most stay: it is their answers that are compared. */
const behaviours: readonly Behaviour[] = [
  "whole",
  "whole",
  "streamed",
  "streamed",
  "streamed",
  "cancelled",
  "left",
  "reset",
  "paused",
];

export interface ClientOptions {
  readonly url: string;
  readonly requests: readonly KnownRequest[];
  readonly random: RandomNumbers;
  readonly tally: Tally;
  /** No request is begun after it; those under way end. */
  readonly over: AbortSignal;
}

/** One client: a request, now and then abandoned, and the next. */
export async function client({ url, requests, random, tally, over }: ClientOptions): Promise<void> {
  const agent = new Agent({ keepAlive: true });
  while (!over.aborted) {
    const behaviour = random.pick(behaviours);
    try {
      await behave(behaviour, random.pick(requests));
      tally.done[behaviour]++;
    } catch (error) {
      tally.faults.push(`${behaviour}: ${String(error)}`);
      // A server that is gone would otherwise be asked as fast as it can be.
      await sleep(100);
    }
    if (random.next() < 0.2) await sleep(random.integer(1, 200));
  }
  agent.destroy();

  async function behave(behaviour: Behaviour, { body, alone }: KnownRequest): Promise<void> {
    const stream = behaviour !== "whole" && (behaviour !== "cancelled" || random.next() < 0.5);
    const cancel = new AbortController();
    if (behaviour === "cancelled") void sleep(random.integer(0, 400)).then(() => cancel.abort());
    let answer: IncomingMessage;
    try {
      answer = await post({ url, body: { ...body, stream }, agent, signal: cancel.signal });
      if (answer.statusCode !== 200) throw new Error(`${answer.statusCode}: ${await textOf(answer)}`);
      if (behaviour === "left" || behaviour === "reset") return await leave(answer, behaviour);
      // A client that reads slowly: the server must neither wait for it nor keep more for it.
      if (behaviour === "paused") await sleep(random.integer(100, 1000));
      const text = await textOf(answer);
      const got = stream ? streamText(text) : completionText(text);
      if (got !== alone)
        throw new Error(`${JSON.stringify(body)} got ${JSON.stringify(got)}, alone ${JSON.stringify(alone)}`);
    } catch (error) {
      if (!cancel.signal.aborted) throw error;
    }
  }

  async function leave(answer: IncomingMessage, how: "left" | "reset"): Promise<void> {
    const { socket } = answer;
    // What comes after it went is nobody's.
    answer.on("error", () => undefined);
    let parts = random.integer(1, 20);
    await new Promise<void>((resolve) => {
      answer.on("data", () => parts-- === 0 && resolve());
      answer.once("end", resolve);
    });
    if (how === "left") answer.destroy();
    // An answer that has ended gave its connection back, maybe to the next request.
    else if (!answer.complete) socket.resetAndDestroy();
  }
}
