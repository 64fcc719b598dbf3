import { installPeers } from "../../serve-compare/peer.js";
import { onnxOf } from "../../shared/onnx-of.js";
import { batchSequences, type Effort, efforts, type VersusName } from "../plan.js";
import { type PeerContext } from "../settings.js";
import { SideHandle } from "../side-handle.js";
import { type Peer } from "./peer.js";
import { realTimeLauncher } from "./real-time-launcher.js";

/** onnxruntime on a graph of its own operators with the weights of the GGUF file. Not in f16: on x86 its CPU provider turns such weights into f32 ones when it loads them. */
export const onnxruntimeNode: Peer = {
  name: "onnxruntime-node",
  formats: ["f32", "q8_0", "q4_0"],
  works: ["prefill", "decode", "batch"],
  streams: true,
  prepare() {
    installPeers();
    return undefined;
  },
  ways: (work, effort) => contextsOf(work, effort).map(({ name }) => name),
  goal: () => undefined,
  async start({ file, shape }, ways) {
    const contexts = [...contextsOf("decode", efforts[shape]), ...contextsOf("batch", efforts[shape])];
    const settings = { model: await onnxOf(file), contexts: contexts.filter(({ name }) => ways.includes(name)) };
    return SideHandle.start("onnxruntime-node", settings, realTimeLauncher());
  },
};

function contextsOf(work: VersusName, { peerThreads }: Effort): PeerContext[] {
  return peerThreads.map((threads) => ({
    name: `${work === "batch" ? "batch, " : ""}${threads} thread${threads > 1 ? "s" : ""}`,
    threads,
    sequences: work === "batch" ? batchSequences : 1,
  }));
}
