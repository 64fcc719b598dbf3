import { add } from "@whittle/core";
import { open } from "./open-native.mjs";

const device = await open();
let x = device.tensor([1, 2], [1, 2]);
for (let i = 0; i < 1000; i++) x = add({ a: x, b: x });
console.log("recorded");
