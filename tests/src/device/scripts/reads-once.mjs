import { add } from "@whittle/core";
import { open } from "./open-native.mjs";

const device = await open();
const one = device.tensor([2, 4], [1, 2]);
let x = one;
for (let i = 0; i < 1000; i++) x = add({ a: x, b: one });
void x.read().then((values) => console.log(values.join()));
