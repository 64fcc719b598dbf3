// Uses both of a handler's threads, and never closes it.
import { cpu } from "@whittle/kernels";
import { loadModel } from "@whittle/models";
import { createEngine, createHandler } from "@whittle/serving";

const device = await cpu();
const model = await loadModel("models/books-5m", { device });
const engine = createEngine({ model });
const handler = createHandler(engine);

async function ask(path, fields) {
  const body = JSON.stringify({ model: engine.name, ...fields });
  const headers = { "content-type": "application/json" };
  return (await handler(new Request(`http://localhost${path}`, { method: "POST", headers, body }))).json();
}
const { count } = await ask("/tokenize", { prompt: "the sea ".repeat(2000) });
const { choices } = await ask("/v1/completions", { prompt: "Is it?", guided_choice: ["yes"], max_tokens: 5 });
console.log(count > 2000, choices[0].text);
await engine.close();
await device.close();
