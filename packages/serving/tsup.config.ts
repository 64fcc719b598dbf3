import { library } from "../../tsup.shared.js";

export default {
  ...library,
  entry: ["src/index.ts", "src/workers/tokenizer-worker.ts", "src/workers/grammar-worker.ts"],
  dts: { ...(library.dts as object), entry: ["src/index.ts"] },
};
