import { installPeers } from "../../serve-compare/peer.js";
import { efforts, formats } from "../plan.js";
import { SideHandle } from "../side-handle.js";
import { contextsNamed } from "./contexts.js";
import { llamaCppWays } from "./llama-cpp-ways.js";
import { type Peer } from "./peer.js";
import { realTimeLauncher } from "./real-time-launcher.js";

/** llama.cpp as Node's users have it. */
export const nodeLlamaCpp: Peer = {
  name: "node-llama-cpp",
  formats,
  works: ["prefill", "decode", "batch"],
  streams: true,
  prepare() {
    installPeers();
    return undefined;
  },
  ways: (work, effort) => llamaCppWays(work, effort).map(({ name }) => name),
  goal(work, shape, format) {
    if (work === "batch") return 3;
    if (work === "prefill") return format === "f32" || format === "f16" ? 2 : 1.8;
    return { stories15M: 2, "SmolLM-135M": 1.5, "TinyLlama-1.1B": 1.25 }[shape];
  },
  start({ file, shape }, ways) {
    const contexts = contextsNamed(ways, (work) => llamaCppWays(work, efforts[shape]));
    return SideHandle.start("node-llama-cpp", { model: file, contexts }, realTimeLauncher());
  },
};
