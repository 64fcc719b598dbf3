import { open } from "./open-native.mjs";

async function lose() {
  const device = await open({ memoryBytes: 2 ** 28 });
  device.tensor(new Float32Array(2 ** 18), [2 ** 18]);
  await device.sync();
  return new WeakRef(device);
}

const lost = [];
for (let i = 0; i < 8; i++) lost.push(await lose());
for (let i = 0; i < 50 && lost.some((reference) => reference.deref()); i++) {
  await new Promise((resolve) => setTimeout(resolve, 10));
  globalThis.gc();
}
const left = lost.filter((reference) => reference.deref()).length;
console.log(left === 0 ? "collected" : `${left} devices are still held`);
