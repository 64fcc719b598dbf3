import { parentPort } from "node:worker_threads";
import { add } from "@whittle/core";
import { open } from "./open-native.mjs";

const device = await open({ memoryBytes: 2 ** 28 });
const a = device.tensor([1, 2], [1, 2]);
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port, not a window
parentPort.postMessage(await add({ a, b: a }).read());

const large = device.tensor(new Float32Array(2 ** 20), [1024, 1024]);
for (;;) {
  for (let i = 0; i < 100; i++) device.scope(() => void add({ a: large, b: large }));
  const read = device.scope(() => [add({ a: large, b: large }).read()]);
  void read[0].then(() => undefined);
  await new Promise((resolve) => setImmediate(resolve));
}
