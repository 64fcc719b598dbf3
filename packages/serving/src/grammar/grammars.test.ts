import { afterAll, describe, expect, it } from "vitest";
import { randomModel } from "../testing/toy-models.js";
import { type GrammarConstraint } from "./grammar-constraint.js";
import { Grammars } from "./grammars.js";

const grammars = new Grammars();
const model = randomModel(1);
afterAll(() => grammars.close());

const start = async (grammar: string): Promise<GrammarConstraint> => (await grammars.start(model, grammar))[0]!;
const allowed = async (constraint: GrammarConstraint): Promise<number[]> => {
  const mask = new Int32Array(9);
  await constraint.ready();
  expect(constraint.allow(mask)).toBe(true);
  return Array.from({ length: 257 }, (_, id) => id).filter((id) => (mask[id >> 5]! >> (id & 31)) & 1);
};
const [a, b, END] = [97, 98, 256];

describe("a grammar that is followed", () => {
  it("allows what may come, step by step, to the end", async () => {
    const constraint = await start('root ::= "a" | "ab"');
    expect(await allowed(constraint)).toEqual([a]);
    constraint.accept(a);
    expect(await allowed(constraint)).toEqual([b, END]);
    // Asked again, as for a step that failed, it says the same.
    expect(await allowed(constraint)).toEqual([b, END]);
    constraint.accept(b);
    expect(await allowed(constraint)).toEqual([END]);
    constraint.accept(END);
    expect(await allowed(constraint)).toEqual([]);
    constraint.dispose();
    constraint.dispose();
  });

  it("is followed in many answers at once, each on its own", async () => {
    const constraints = await Promise.all(
      Array.from({ length: 20 }, (_, i) => start(i % 2 ? 'root ::= "a"+' : 'root ::= "b" "a"')),
    );
    for (const [i, constraint] of constraints.entries()) expect(await allowed(constraint)).toEqual([i % 2 ? a : b]);
    constraints.forEach((constraint, i) => constraint.accept(i % 2 ? a : b));
    for (const [i, constraint] of constraints.entries())
      expect(await allowed(constraint)).toEqual(i % 2 ? [a, END] : [a]);
    for (const constraint of constraints) constraint.dispose();
  });

  it("is not kept out for ever by those that threads know already", async () => {
    const busy = await Promise.all(["a", "b"].map((one) => start(`root ::= "${one}"`)));
    const third = start('root ::= "a" "a"');
    // Known ones go on coming, but where the third waits they wait as well.
    const more = Array.from({ length: 6 }, async (_, i) => {
      const constraint = await start(`root ::= "${i % 2 ? "a" : "b"}"`);
      constraint.dispose();
    });
    for (const constraint of busy) constraint.dispose();
    const constraint = await third;
    expect(await allowed(constraint)).toEqual([a]);
    constraint.dispose();
    await Promise.all(more);
  });

  it("fails the request whose token it does not know, not the others", async () => {
    const [one, other] = [await start('root ::= "a"'), await start('root ::= "a"')];
    one.accept(b);
    await expect(allowed(one)).rejects.toThrow("did not take a token");
    expect(await allowed(other)).toEqual([a]);
    one.dispose();
    other.dispose();
  });
});

describe("a grammar that cannot be compiled", () => {
  it("is an error, after which others still can, those under way included", async () => {
    const running = await start('root ::= "a" "b"');
    for (const broken of ["root ::= nobody", "root ::= [", "no grammar at all"])
      await expect(start(broken)).rejects.toMatchObject({ code: "grammar" });
    running.accept(a);
    expect(await allowed(running)).toEqual([b]);
    running.dispose();
    const later = await start('root ::= "b"');
    expect(await allowed(later)).toEqual([b]);
    later.dispose();
  });

  it("is not waited for by a client that left", async () => {
    await expect(
      grammars.start(model, 'root ::= "a"', { signal: AbortSignal.abort(new Error("gone")) }),
    ).rejects.toThrow("gone");
  });
});
