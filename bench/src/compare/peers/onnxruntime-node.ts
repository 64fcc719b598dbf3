import { installPeers } from "../../serve-compare/peer.js";
import { onnxOf } from "../../shared/onnx-of.js";
import { efforts } from "../plan.js";
import { SideHandle } from "../side-handle.js";
import { contextsFor, contextsNamed } from "./contexts.js";
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
  ways: (work, effort) => contextsFor(work, effort).map(({ name }) => name),
  goal: () => undefined,
  async start({ file, shape }, ways) {
    const contexts = contextsNamed(ways, (work) => contextsFor(work, efforts[shape]));
    return SideHandle.start("onnxruntime-node", { model: await onnxOf(file), contexts }, realTimeLauncher());
  },
};
