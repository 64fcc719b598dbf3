import { fileURLToPath } from "node:url";
import { cpu } from "@whittle/kernels";
import { loadModel } from "@whittle/models";
import { createEngine, createHandler } from "@whittle/serving";

// The engine lives in this program: no server, no port. Its arithmetic runs on threads of its own, so the program's event loop stays free.
const folder = process.argv[2] ?? fileURLToPath(new URL("../../../models/books-5m", import.meta.url));
const device = await cpu();
const model = await loadModel(folder, { device });
const engine = createEngine({ model, limits: { maxSequences: 8 } });

// One answer, piece by piece. The same seed gives the same text.
for await (const { text } of engine.generate({ prompt: "It was a dark night, and", maxTokens: 40, seed: 1 })) {
  process.stdout.write(text);
}
console.log("\n");

// Several at once share the engine's steps, and get what they would have got alone.
const beginnings = ["The old man", "She opened the letter and", "In the spring of that year"];
const endings = await Promise.all(
  beginnings.map((prompt) => engine.complete({ prompt, maxTokens: 24, temperature: 0.7, seed: 2 })),
);
endings.forEach(({ text, finishReason, usage }, i) => {
  console.log(`${beginnings[i]}${text}…  (${finishReason}, ${usage.completionTokens} tokens)`);
});

// An answer may be ended from outside; what it has so far stays.
const controller = new AbortController();
const story = engine.complete({ prompt: "Once upon a time", signal: controller.signal });
setTimeout(() => controller.abort(), 20);
const { finishReason, usage } = await story;
console.log(`\naborted: ${finishReason} after ${usage.completionTokens} tokens`);

// The OpenAI-compatible API is a fetch handler, so it answers without a port as well, and mounts in any app that takes one.
const handler = createHandler(engine);
const response = await handler(
  new Request("http://localhost/v1/completions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: engine.name, prompt: "The sea", max_tokens: 12, temperature: 0 }),
  }),
);
console.log(await response.json());

await handler.close();
await engine.close();
model.dispose();
await device.close();
