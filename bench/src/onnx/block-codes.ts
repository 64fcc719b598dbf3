import { f16ToNumber } from "@whittle/core";

/** Elements that share a scale, in ggml's blocks and in what they become. */
export const blockElements = 32;

/** Weights as `MatMulNBits` has them: unsigned codes around the middle of their range, neighbours in a byte from the low bits on; one scale for a block. */
export interface BlockCodes {
  readonly bits: 4 | 8;
  readonly codes: Uint8Array;
  readonly scales: Float32Array;
}

const scaleBytes = 2;

/** The same codes and scales as in ggml's blocks, in the other order. */
export function blockCodesOf(dtype: "q4_0" | "q8_0", blocks: Uint8Array): BlockCodes {
  const bits = dtype === "q4_0" ? 4 : 8;
  const codeBytes = (blockElements * bits) / 8;
  const count = blocks.length / (scaleBytes + codeBytes);
  const view = new DataView(blocks.buffer, blocks.byteOffset, blocks.byteLength);
  const codes = new Uint8Array(count * codeBytes);
  const scales = new Float32Array(count);
  const move = bits === 4 ? movePairs : moveSigned;
  for (let block = 0; block < count; block++) {
    const from = block * (scaleBytes + codeBytes);
    scales[block] = f16ToNumber(view.getUint16(from, true));
    move(blocks, from + scaleBytes, codes, block * codeBytes);
  }
  return { bits, codes, scales };
}

/** ggml's low nibbles are the first half of a block, its high ones the second. */
function movePairs(from: Uint8Array, at: number, to: Uint8Array, place: number): void {
  for (let i = 0; i < 8; i++) {
    const [even, odd] = [from[at + 2 * i]!, from[at + 2 * i + 1]!];
    to[place + i] = (even & 15) | ((odd & 15) << 4);
    to[place + 8 + i] = (even >> 4) | (odd & 0xf0);
  }
}

function moveSigned(from: Uint8Array, at: number, to: Uint8Array, place: number): void {
  // Adds 128 to what the byte says with a sign.
  for (let i = 0; i < blockElements; i++) to[place + i] = from[at + i]! ^ 0x80;
}
