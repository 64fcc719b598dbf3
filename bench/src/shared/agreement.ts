import { packed } from "@whittle/core";
import { type LoadedModel } from "@whittle/models";
import { createEngine } from "@whittle/serving";

const prompts = [
  "Once upon a time",
  "The old man",
  "She opened the door and",
  "It was",
  '"I do not know," said',
  "In the morning",
  "The little",
  "He",
];

interface Text {
  readonly ids: readonly number[];
  readonly promptTokens: number;
}

/** What one way of computing a model says: greedy texts, and the law of each id along them. */
export interface Statement {
  readonly texts: readonly Text[];
  readonly laws: readonly Float64Array[][];
}

/** How far another way of computing agrees with a statement. */
export interface Agreement {
  readonly sameTexts: number;
  readonly texts: number;
  /** Share of ids before the first difference of their text. */
  readonly sameIds: number;
  /** Share of places along the statement's texts where the most probable id is the same. */
  readonly top1: number;
  /** Mean divergence of the law from the statement's, nats. */
  readonly meanKl: number;
  /** For each text with a difference how much more probable the statement's first id is than its second there, as a share of the first. */
  readonly gaps: readonly number[];
}

/** The heads of `describeAgreement`'s columns. */
export const agreementColumns = "same texts  same ids  top-1 agrees  mean KL (nats)  top-2 gap at the first difference";

export function describeAgreement({ sameTexts, texts, sameIds, top1, meanKl, gaps }: Agreement): string {
  return (
    `${`${sameTexts} of ${texts}`.padStart(10)}  ${(100 * sameIds).toFixed(1).padStart(6)} %  ` +
    `${(100 * top1).toFixed(2).padStart(10)} %  ${meanKl.toExponential(2).padStart(14)}  ${gaps.map((gap) => gap.toExponential(1)).join(" ")}`
  );
}

/** `maxTokens` greedy ids after each of a few beginnings. */
export async function statementOf(model: LoadedModel, maxTokens: number): Promise<Statement> {
  const texts = await continuations(model, maxTokens);
  return { texts, laws: await Promise.all(texts.map((text) => lawsAlong(model, text))) };
}

/** Compares a model with what another one has stated with as many tokens. */
export async function agreementWith(
  { texts, laws }: Statement,
  model: LoadedModel,
  maxTokens: number,
): Promise<Agreement> {
  const own = await continuations(model, maxTokens);
  const gaps: number[] = [];
  let [sameIds, agreed, divergence, places] = [0, 0, 0, 0];
  for (const [n, { ids, promptTokens }] of texts.entries()) {
    const first = ids.findIndex((id, i) => own[n]!.ids[i] !== id);
    sameIds += (first < 0 ? ids.length : first) - promptTokens;
    if (first >= 0) gaps.push(topGap(laws[n]![first - promptTokens]!));
    const other = await lawsAlong(model, texts[n]!);
    for (const [i, law] of laws[n]!.entries()) {
      agreed += Number(indexOfLargest(law) === indexOfLargest(other[i]!));
      divergence += kl(law, other[i]!);
      places++;
    }
  }
  return {
    sameTexts: texts.length - gaps.length,
    texts: texts.length,
    sameIds: sameIds / places,
    top1: agreed / places,
    meanKl: divergence / places,
    gaps,
  };
}

/** Greedy texts, by the engine. */
async function continuations(model: LoadedModel, maxTokens: number): Promise<Text[]> {
  const engine = createEngine({ model });
  const texts = await Promise.all(
    prompts.map(async (text): Promise<Text> => {
      const prompt = [...model.tokenizer.encode(text)];
      const { tokens } = await engine.complete({ prompt, maxTokens, temperature: 0, ignoreEos: true });
      return { ids: [...prompt, ...tokens], promptTokens: prompt.length };
    }),
  );
  await engine.close();
  return texts;
}

/** The law of each id after the prompt, given the ids before it. */
async function lawsAlong({ model, device }: LoadedModel, { ids, promptTokens }: Text): Promise<Float64Array[]> {
  const { vocabSize, layers } = model.shape;
  const before = ids.slice(0, -1);
  const wanted = Array.from({ length: ids.length - promptTokens }, (_, i) => promptTokens - 1 + i);
  const ints = (values: readonly number[]) => device.tensor(values, [values.length], "i32");
  const logits = device.scope(() => {
    const rows = {
      tokens: ints(before),
      positions: ints(before.map((_, i) => i)),
      wanted: ints(wanted),
      runs: [{ sequence: 0, from: 0, count: before.length, held: false }],
    };
    return model.forward(rows, packed(layers, device).prepare(rows)).logits;
  });
  const values = await logits.read();
  logits.dispose();
  return wanted.map((_, row) => softmax(values.subarray(row * vocabSize, (row + 1) * vocabSize)));
}

function softmax(logits: ArrayLike<number>): Float64Array {
  const law = Float64Array.from(logits);
  const largest = law.reduce((most, value) => Math.max(most, value), -Infinity);
  let sum = 0;
  for (let i = 0; i < law.length; i++) sum += law[i] = Math.exp(law[i]! - largest);
  return law.map((value) => value / sum);
}

function kl(p: Float64Array, q: Float64Array): number {
  return p.reduce((sum, value, i) => (value > 0 ? sum + value * Math.log(value / Math.max(q[i]!, 1e-300)) : sum), 0);
}

function indexOfLargest(law: Float64Array): number {
  return law.reduce((best, value, i) => (value > law[best]! ? i : best), 0);
}

/** How much more probable the first id is than the second, as a share of the first. */
function topGap(law: Float64Array): number {
  const [first, second] = [...law].sort((a, b) => b - a) as [number, number];
  return (first - second) / first;
}
