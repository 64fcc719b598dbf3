export { appendKvPaged } from "./append-kv-paged.js";
export { attendPartPaged } from "./attend-part-paged.js";
export { mergeParts } from "./merge-parts.js";
export { moveRows } from "./move-rows.js";
