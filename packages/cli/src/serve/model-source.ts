import { type ModelSource } from "./server-options.js";

/** `./folder`, or `name=./folder`. */
export function modelSource(text: string): ModelSource {
  const match = /^([^=/\\]+)=(.+)$/.exec(text);
  return match ? { name: match[1]!, folder: match[2]! } : { folder: text };
}
