import { llamaBench } from "./peers/llama-bench.js";
import { nodeLlamaCpp } from "./peers/node-llama-cpp.js";
import { onnxruntimeNode } from "./peers/onnxruntime-node.js";
import { type Peer } from "./peers/peer.js";

/** All that Whittle can be measured beside. */
export const peers: readonly Peer[] = [nodeLlamaCpp, llamaBench, onnxruntimeNode];
