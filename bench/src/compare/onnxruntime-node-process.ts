// node onnxruntime-node-process.js <settings as JSON>
import { serveStreams } from "./serve-streams.js";

await serveStreams("onnxruntime-streams.mjs");
