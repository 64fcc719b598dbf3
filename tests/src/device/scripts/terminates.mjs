// Ends worker threads in the middle of their work, as many as the argument says, and sees whether the process lives and gets their memory back.
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { add } from "@whittle/core";
import { open } from "./open-native.mjs";

const count = Number(process.argv[2]);
const atOnce = 4;
const MIB = 2 ** 20;
const script = fileURLToPath(new URL("busy-worker.mjs", import.meta.url));

const device = await open();
const a = device.tensor([1, 2], [1, 2]);
let begun = 0;
let working = 0;
// Afterwards, what the threads of one process share is there, and the heaps of those that ended are given back or kept for others.
const warm = Math.ceil(count / 5);
let rssWarm;

async function endThreads() {
  while (begun < count) {
    const index = begun++;
    const worker = new Worker(script);
    const failed = new Promise((_, reject) => worker.once("error", reject));
    // Every fifth is ended while it still starts: while it loads the addon, or opens its device.
    if (index % 5 === 0) {
      await Promise.race([sleep((index / 5) % 60), failed]);
    } else {
      await Promise.race([new Promise((resolve) => worker.once("message", resolve)), failed]);
      working++;
    }
    await worker.terminate();
    if (index === warm) rssWarm = process.memoryUsage.rss();
  }
}
await Promise.all(Array.from({ length: atOnce }, endThreads));

const sum = await add({ a, b: a }).read();
await device.close();
const growthMiB = Math.round((process.memoryUsage.rss() - rssWarm) / MIB);
if (growthMiB > 150) process.exitCode = 1;
console.log(JSON.stringify({ count, working, sum: [...sum], growthMiB }));
