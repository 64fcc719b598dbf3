import { Agent } from "node:http";
import { type RandomNumbers } from "../shared/random-numbers.js";
import { type KnownRequest } from "./clients.js";
import { completionText, post, textOf } from "./post.js";

const text =
  "It was a dark night, and the rain fell on the roofs of the town. The old man sat by the fire with a book on his knees, and his daughter stood at the window. " +
  "Nobody had come along the road since noon. She thought of the ship that had left in the spring, of the letters that did not come, and of the sea. ";

/** `count` greedy requests of random lengths, each with the answer that it gets when nobody else is served. */
export async function knownRequests(
  server: { url: string; model: string },
  count: number,
  random: RandomNumbers,
): Promise<KnownRequest[]> {
  const agent = new Agent({ keepAlive: true });
  const known: KnownRequest[] = [];
  for (let i = 0; i < count; i++) {
    const start = random.integer(0, text.length - 1);
    const prompt = `${text}${text}${text}`.slice(start, start + random.integer(1, 600));
    // Some ask how probable their prompt is, which needs every row of it, whatever the cache holds.
    const scored = random.next() < 0.2 ? { echo: true, logprobs: 0 } : {};
    const body = { model: server.model, prompt, max_tokens: random.integer(1, 150), temperature: 0, ...scored };
    const answer = await textOf(await post({ url: `${server.url}/v1/completions`, body, agent }));
    known.push({ body, alone: completionText(answer) });
  }
  agent.destroy();
  return known;
}
