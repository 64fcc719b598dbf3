// A minimal HTTP server over node-llama-cpp: `POST /v1/completions` with `stream: true`, greedy, as many answers at once as the context has sequences.
// node node-llama-cpp-server.mjs <model.gguf> <sequences> <tokens per sequence> <threads, 0: as it likes>; prints its address.
import { createServer } from "node:http";
import { once } from "node:events";
import { getLlama, LlamaLogLevel } from "node-llama-cpp";

const [file, sequences, contextTokens, threads] = process.argv.slice(2);
const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error });
const model = await llama.loadModel({ modelPath: file });
const context = await model.createContext({
  sequences: Number(sequences),
  contextSize: Number(contextTokens),
  ...(threads > 0 && { threads: Number(threads) }),
});
const free = Array.from({ length: Number(sequences) }, () => context.getSequence());
const waiting = [];

async function answer(body, response) {
  const sequence = free.pop() ?? (await new Promise((resolve) => waiting.push(resolve)));
  let gone = false;
  response.once("close", () => (gone = true));
  try {
    // Each request is computed whole, whatever the sequence held before.
    await sequence.clearHistory();
    const prompt = model.tokenize(body.prompt);
    response.writeHead(200, { "content-type": "text/event-stream" });
    let tokens = 0;
    const base = { id: "cmpl-0", object: "text_completion", created: 0, model: "peer" };
    const send = (more) => response.write(`data: ${JSON.stringify({ ...base, ...more })}\n\n`);
    for await (const token of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
      tokens++;
      const last = tokens === body.max_tokens;
      const text = model.detokenize([token]);
      send({ choices: [{ index: 0, text, logprobs: null, finish_reason: last ? "length" : null }] });
      if (last || gone) break;
    }
    const usage = { prompt_tokens: prompt.length, completion_tokens: tokens, total_tokens: prompt.length + tokens };
    if (body.stream_options?.include_usage) send({ choices: [], usage });
    response.end("data: [DONE]\n\n");
  } finally {
    const next = waiting.shift();
    if (next) next(sequence);
    else free.push(sequence);
  }
}

async function handle(request, response) {
  let text = "";
  for await (const part of request.setEncoding("utf8")) text += part;
  if (request.url.endsWith("/models"))
    response.end(JSON.stringify({ object: "list", data: [{ id: "peer", object: "model" }] }));
  else await answer(JSON.parse(text), response);
}

const server = createServer((request, response) => {
  handle(request, response).catch((error) => response.destroy(error));
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
console.log(`http://127.0.0.1:${server.address().port}`);
