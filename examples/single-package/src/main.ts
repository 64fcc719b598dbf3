import { add, gelu, linear } from "@whittle/core";
import { cpu } from "@whittle/kernels";

// A network of two layers that computes "exclusive or" of two bits, with weights set by hand:
// gelu(k·(a − b)) + gelu(k·(b − a)) is k·|a − b| for a large k.
const k = 8;
const device = await cpu();
const hiddenWeight = device.tensor([k, -k, -k, k], [2, 2]);
const outputWeight = device.tensor([1 / k, 1 / k], [1, 2]);

const inputs = [0, 0, 0, 1, 1, 0, 1, 1];
const x = device.tensor(inputs, [4, 2]);

// Recording returns at once with tensors whose shapes are known; the device works meanwhile on threads of its own.
// What the scope's function returns survives, the rest is freed.
const y = device.scope(() => {
  const hidden = gelu({ x: linear({ x, weight: hiddenWeight }), approximate: false });
  return linear({ x: hidden, weight: outputWeight });
});

// Only a read waits.
const outputs = await y.read();
for (let row = 0; row < 4; row++) {
  console.log(`${inputs[row * 2]} xor ${inputs[row * 2 + 1]} = ${outputs[row]!.toFixed(3)}`);
}

// Wrong shapes are errors at the call, and say what came and what was expected.
try {
  add({ a: x, b: y });
} catch (error) {
  console.log(error instanceof Error ? error.message : error);
}

console.log(`${device.memory().live} bytes live`);
await device.close();
