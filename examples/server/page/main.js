import { listModels, streamCompletion } from "./completions.js";

const at = (id) => document.getElementById(id);
let model = "";
let running;

function requestOf() {
  return {
    model,
    prompt: at("prompt").value,
    temperature: Number(at("temperature").value),
    max_tokens: Number(at("max-tokens").value),
    ...(at("seed").value !== "" && { seed: Number(at("seed").value) }),
  };
}

async function write() {
  // The page draws the seed, so that it can show it: entered below, it gives the same text again.
  const [seed] = crypto.getRandomValues(new Uint32Array(1));
  const request = { seed, ...requestOf() };
  const figures = new Figures(request.seed);
  running = new AbortController();
  setBusy(true);
  const beginning = document.createElement("span");
  beginning.className = "beginning";
  beginning.textContent = request.prompt;
  at("text").replaceChildren(beginning);
  showStatus("reading …");
  at("text").scrollIntoView({ block: "nearest" });
  try {
    for await (const piece of streamCompletion(request, running.signal)) {
      at("text").append(piece.text);
      figures.add(piece);
      showStatus(figures.text());
    }
  } catch (error) {
    if (running.signal.aborted) showStatus(`stopped · ${figures.text()}`);
    else showStatus(error.message, true);
  }
  setBusy(false);
}

/** Counts tokens, and the time since the first of them. A streamed piece is one token, unless the server's final count says otherwise. */
class Figures {
  tokens = 0;

  constructor(seed) {
    this.seed = seed;
  }

  add(piece) {
    this.startedAt ??= performance.now();
    if (piece.text !== "") {
      this.tokens++;
      this.lastAt = performance.now();
    }
    if (piece.tokens !== undefined) this.tokens = piece.tokens;
  }

  text() {
    const seconds = (this.lastAt - this.startedAt) / 1000;
    const speed = seconds > 0 ? ` · ${Math.round((this.tokens - 1) / seconds)} tokens/s` : "";
    return `${this.tokens} tokens${speed} · seed ${this.seed}`;
  }
}

function setBusy(busy) {
  const [from, to] = busy ? [at("write"), at("stop")] : [at("stop"), at("write")];
  const focused = document.activeElement === from;
  at("text").setAttribute("aria-busy", String(busy));
  from.disabled = true;
  to.disabled = false;
  // A disabled button loses the focus, and with it the reader's place.
  if (focused) to.focus();
}

function showStatus(text, failed = false) {
  at("status").textContent = text;
  at("status").classList.toggle("failed", failed);
}

function showCurl() {
  const body = JSON.stringify({ ...requestOf(), stream: true });
  // A quote inside of single quotes: end them, a quoted quote, begin again.
  const quoted = body.replaceAll("'", `'"'"'`);
  at("curl").textContent =
    `curl -N ${location.origin}/v1/completions -H 'content-type: application/json' -d '${quoted}'`;
}

at("request").addEventListener("submit", (event) => {
  event.preventDefault();
  void write();
});
at("request").addEventListener("input", () => {
  at("temperature-shown").value = Number(at("temperature").value).toFixed(1);
  showCurl();
});
at("prompt").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) at("request").requestSubmit();
});
at("stop").addEventListener("click", () => running.abort());

try {
  [model] = await listModels();
  at("model").textContent = model;
} catch (error) {
  showStatus(error.message, true);
}
showCurl();
