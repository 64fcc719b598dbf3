import { add } from "@whittle/core";
import { cpu } from "@whittle/kernels";

const device = await cpu();
let x = device.tensor([1, 2], [1, 2]);
for (let i = 0; i < 1000; i++) x = add({ a: x, b: x });
console.log("recorded");
