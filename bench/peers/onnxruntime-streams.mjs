// onnxruntime-node as the benchmarks use it: streams of greedy ids of a graph that `onnxOf` made, on as many threads and with as many sequences together as asked for.
import { InferenceSession, Tensor } from "onnxruntime-node";

/**
 * Opens a model; `contexts` are `{ name, threads, sequences }`: as many streams of a context run together, in lockstep, once all of them are there. Their prompts have one length.
 */
export async function open(file, contexts) {
  const sessions = new Map();
  const gatherings = new Map();
  for (const { name, threads, sequences } of contexts) {
    if (!sessions.has(threads)) sessions.set(threads, await InferenceSession.create(file, optionsOf(threads)));
    gatherings.set(name, { session: sessions.get(threads), sequences, ...nobody() });
  }
  /** The batch that a prompt is in, once that is complete, and the prompt's place in it. */
  async function join(name, prompt) {
    const gathering = gatherings.get(name);
    const place = gathering.prompts.push(prompt) - 1;
    if (gathering.prompts.length === gathering.sequences) {
      gathering.begin(new Batch(gathering.session, gathering.prompts));
      gatherings.set(name, { ...gathering, ...nobody() });
    }
    return { batch: await gathering.batch, place };
  }
  return {
    async *stream(name, prompt, count) {
      const { batch, place } = await join(name, prompt);
      for (let index = 0; index < count; index++) yield Number((await batch.idsOf(index)).data[place]);
    },
    close: () => Promise.all([...sessions.values()].map((session) => session.release())),
  };
}

function optionsOf(threads) {
  return {
    executionProviders: ["cpu"],
    graphOptimizationLevel: "all",
    executionMode: "sequential",
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
  };
}

/** A batch that nobody has joined yet. */
function nobody() {
  let begin;
  const batch = new Promise((resolve) => (begin = resolve));
  return { prompts: [], batch, begin };
}

/** Sequences that are computed together. A step is run when the first of them asks for its ids. */
class Batch {
  constructor(session, prompts) {
    this.session = session;
    this.sequences = prompts.length;
    this.length = 0;
    this.steps = [];
    this.caches = session.inputMetadata.filter(({ name }) => name.startsWith("past."));
    this.past = this.caches.map(
      ({ shape: [, kvHeads, , headDim] }) =>
        new Tensor("float32", new Float32Array(0), [this.sequences, kvHeads, 0, headDim]),
    );
    const [{ length: rows }] = prompts;
    this.prompt = new Tensor("int64", BigInt64Array.from(prompts.flat(), BigInt), [this.sequences, rows]);
  }

  idsOf(index) {
    return (this.steps[index] ??= this.step(index));
  }

  async step(index) {
    // What a step gives is what the next one takes: no copy on this side.
    const ids = index === 0 ? this.prompt : await this.steps[index - 1];
    this.length += ids.dims[1];
    const feeds = {
      input_ids: ids,
      seqlens: new Tensor("int32", new Int32Array(this.sequences).fill(this.length - 1), [this.sequences]),
      total: new Tensor("int32", Int32Array.of(this.length), []),
    };
    this.caches.forEach(({ name }, i) => (feeds[name] = this.past[i]));
    const results = await this.session.run(feeds);
    this.past = this.caches.map(({ name }) => results[name.replace("past", "present")]);
    return results.next_ids;
  }
}
