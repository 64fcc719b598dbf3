// node node-llama-cpp-process.js <settings as JSON>
import { serveStreams } from "./serve-streams.js";

await serveStreams("node-llama-cpp-streams.mjs");
