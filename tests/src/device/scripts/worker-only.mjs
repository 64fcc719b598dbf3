import { isMainThread, Worker } from "node:worker_threads";

if (isMainThread) {
  for (let i = 0; i < 3; i++) {
    const worker = new Worker(new URL(import.meta.url));
    worker.on("message", (text) => i === 2 && console.log(text));
    await new Promise((resolve) => worker.once("exit", resolve));
  }
} else {
  const { parentPort } = await import("node:worker_threads");
  const { add } = await import("@whittle/core");
  const { open } = await import("./open-native.mjs");
  const device = await open();
  const a = device.tensor([1, 2], [1, 2]);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port, not a window
  parentPort.postMessage((await add({ a, b: a }).read()).join());
  await device.close();
}
