export type { SafetensorsHeader, StoredTensor } from "./header.js";
export { parseHeader } from "./header.js";
export { type Checkpoint, openCheckpoint, readHeader, readTensorBytes } from "./read.js";
export { type TensorSource, writeCheckpoint, type WriteOptions, writeSafetensors } from "./write.js";
