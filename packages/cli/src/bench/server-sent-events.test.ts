import { expect, test } from "vitest";
import { serverSentEvents, type TimedEvent } from "./server-sent-events.js";

/** Chunks that arrive at known times: each is made when it is asked for. */
async function read(...chunks: [timeMs: number, text: string | Uint8Array][]): Promise<TimedEvent[]> {
  let time = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const next = chunks.shift();
        if (!next) return controller.close();
        time = next[0];
        controller.enqueue(typeof next[1] === "string" ? new TextEncoder().encode(next[1]) : next[1]);
      },
    },
    { highWaterMark: 0 },
  );
  const events: TimedEvent[] = [];
  for await (const event of serverSentEvents(body, () => time)) events.push(event);
  return events;
}

test("an event has the time of the chunk that ended it", async () => {
  expect(await read([5, "data: a\n\ndata:"], [9, " b\n"], [20, "\ndata: c\n\n"])).toEqual([
    { data: "a", timeMs: 5 },
    { data: "b", timeMs: 20 },
    { data: "c", timeMs: 20 },
  ]);
});

test("comments, other fields and carriage returns", async () => {
  const events = await read([1, ": ping\n\nevent: x\r\nid: 7\r\ndata: one\r\ndata: two\r\n\r\n"]);
  expect(events).toEqual([{ data: "one\ntwo", timeMs: 1 }]);
});

test("a character cut in two by the network", async () => {
  const [first, second] = [
    new TextEncoder().encode("data: é").subarray(0, 7),
    new TextEncoder().encode("é").subarray(1),
  ];
  const events = await read([1, first], [2, second], [3, "\n\n"]);
  expect(events).toEqual([{ data: "é", timeMs: 3 }]);
});
