// Run with WHITTLE_EMULATED_LOSS: the GPU is lost in the middle. Prints how each step ended, and what is possible afterwards.
import { add } from "@whittle/core";
import { cpu, cuda } from "@whittle/kernels";

const device = await cuda({ emulated: true });
const a = device.tensor([1, 2], [1, 2]);
const outcomes = [];
for (let step = 0; step < 8; step++) {
  const y = device.scope(() => {
    let x = a;
    for (let i = 0; i < 4; i++) x = add({ a: x, b: a });
    return x;
  });
  outcomes.push(
    await y.read().then(
      (values) => values.join(),
      (error) => `${error.code}: ${error.message}`,
    ),
  );
}
await device.close();
const other = await cpu();
const b = other.tensor([1, 2], [1, 2]);
outcomes.push((await add({ a: b, b }).read()).join());
console.log(JSON.stringify(outcomes));
