import { describe, expect, test } from "vitest";
import { add } from "./ops/index.js";
import { reference } from "./reference-device.js";
import { type Tensor } from "./tensor.js";

const live = (device: { memory(): { live: number } }) => device.memory().live;

describe("scope", () => {
  test("frees what is made in it, except what it returns: a tensor, a list, an object, or some of these in one another", () => {
    const device = reference();
    const make = () => device.tensor([1, 2], [2]);
    const cases: [() => unknown, number][] = [
      [() => void make(), 0],
      [make, 1],
      [() => [make(), make()], 2],
      [() => ({ a: make(), deep: { list: [make()] } }), 2],
      [() => 5, 0],
    ];
    for (const [fn, kept] of cases) {
      const before = live(device);
      const result = device.scope(() => {
        make();
        return fn();
      });
      expect(live(device) - before).toBe(kept * 8);
      for (const tensor of tensorsIn(result)) tensor.dispose();
      expect(live(device)).toBe(before);
    }
  });

  test("leaves alone what was made before it", async () => {
    const device = reference();
    const x = device.tensor([1, 2], [1, 2]);
    device.scope(() => x);
    device.scope(() => void add({ a: x, b: x }));
    expect(await x.read()).toEqual(Float32Array.of(1, 2));
  });

  test("nests: what an inner one returns belongs to the outer one", () => {
    const device = reference();
    device.scope(() => {
      const inner = device.scope(() => device.tensor([1], [1]));
      expect(inner.disposed).toBe(false);
      expect(live(device)).toBe(4);
    });
    expect(live(device)).toBe(0);
  });

  test("frees everything when its function throws", () => {
    const device = reference();
    expect(() =>
      device.scope(() => {
        device.tensor([1], [1]);
        throw new Error("on the way");
      }),
    ).toThrow("on the way");
    expect(live(device)).toBe(0);
  });

  test("is synchronous: a promise is an error, and its rejection goes unheard", () => {
    const device = reference();
    expect(() => device.scope(() => Promise.reject(new Error("later")))).toThrow(
      /scope: the function returned a promise/,
    );
    expect(live(device)).toBe(0);
  });

  test("does not own slots nor what is made unscoped", async () => {
    const device = reference();
    const kept = device.scope(() => {
      const slot = device.slot([1], "f32");
      const cache = device.unscoped(() => device.tensor([7], [1]));
      return { values: [slot.tensor, cache].map((tensor) => () => tensor.read()) };
    });
    expect(live(device)).toBe(8);
    expect(await kept.values[1]!()).toEqual(Float32Array.of(7));
  });

  test("may end with views of what it frees", async () => {
    const device = reference();
    const row = device.scope(() => device.tensor([1, 2, 3, 4], [2, 2]).rows(1, 2));
    expect(await row.read()).toEqual(Float32Array.of(3, 4));
    expect(live(device)).toBe(16);
    row.dispose();
    row.dispose();
    expect(live(device)).toBe(0);
  });
});

describe("tensors from the host", () => {
  const device = reference();

  test("must be as many elements as their shape has", () => {
    expect(() => device.tensor([1, 2], [3])).toThrow(/tensor: 2 values for shape \[3\], which has 3/);
    expect(() => device.tensorFromBytes(new Uint8Array(3), [1], "f32")).toThrow(
      /tensorFromBytes: 3 bytes for \[1\] f32, which has 4/,
    );
  });

  test.each([[[-1]], [[1.5]], [[NaN]], [[2 ** 60, 2 ** 60]], [[1, 1, 1, 1, 1]]])("refuse %j as a shape", (shape) => {
    expect(() => device.empty(shape, "f32")).toThrow(/empty: \[.*\] is no shape/);
  });

  test("a slot takes as many values as it has or fewer, never more", async () => {
    const slot = device.slot([3], "i32");
    slot.write([1, 2, 3]);
    slot.write([9]);
    expect(await slot.tensor.read()).toEqual(Int32Array.of(9, 2, 3));
    expect(() => slot.write([1, 2, 3, 4])).toThrow(/slot.write: 4 values for a slot \[3\] i32/);
    slot.tensor.dispose();
    expect(() => slot.write([1])).toThrow(/slot.write: the tensor \[3\] i32 was disposed/);
  });
});

function tensorsIn(value: unknown): Tensor[] {
  if (typeof value !== "object" || value === null) return [];
  if ("dispose" in value) return [value as Tensor];
  return Object.values(value).flatMap(tensorsIn);
}
