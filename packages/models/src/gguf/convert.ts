import { type DType, encode } from "@whittle/core";
import { type Conversion } from "../weights.js";
import {
  type BlockDecoder,
  decodeIq4Xs,
  decodeQ2K,
  decodeQ3K,
  decodeQ41,
  decodeQ51,
  decodeQ5K,
  iq4Values,
} from "./decode-blocks.js";
import { type GgmlTypeName, ggmlTypes } from "./ggml-types.js";

interface Converted {
  readonly dtype: DType;
  readonly convert: Conversion;
}

/** What becomes of tensors that no device computes with: q8_0 where that has the same scale and codes that fit, else f16, rounded. */
const conversions: Partial<Record<GgmlTypeName, Converted>> = {
  q5_0: { dtype: "q8_0", convert: exactly("q5_0", q50ToQ80) },
  iq4_nl: { dtype: "q8_0", convert: exactly("iq4_nl", iq4NlToQ80) },
  q4_1: toF16("q4_1", decodeQ41),
  q5_1: toF16("q5_1", decodeQ51),
  q2_K: toF16("q2_K", decodeQ2K),
  q3_K: toF16("q3_K", decodeQ3K),
  q5_K: toF16("q5_K", decodeQ5K),
  iq4_xs: toF16("iq4_xs", decodeIq4Xs),
};

/** What a tensor of this type is read as; undefined: it cannot be read. */
export function conversionOf(type: GgmlTypeName): Converted | undefined {
  return conversions[type];
}

function exactly(name: GgmlTypeName, convert: (stored: Uint8Array) => Uint8Array): Conversion {
  return Object.assign(convert, { exact: true, blockBytes: ggmlTypes[name].bytes });
}

/** Blocks that are decoded before they are encoded: enough that a call costs nothing, few enough to stay in the cache. */
const blocksAtOnce = 64;

function toF16(name: GgmlTypeName, decode: BlockDecoder): Converted {
  const { elements, bytes } = ggmlTypes[name];
  const convert = (stored: Uint8Array): Uint8Array => {
    const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength);
    const blocks = stored.byteLength / bytes;
    const converted = new Uint8Array(blocks * elements * 2);
    const values = new Float32Array(blocksAtOnce * elements);
    for (let block = 0; block < blocks; block += blocksAtOnce) {
      const count = Math.min(blocksAtOnce, blocks - block);
      for (let i = 0; i < count; i++) decode(view, (block + i) * bytes, values, i * elements);
      converted.set(encode("f16", values.subarray(0, count * elements)), block * elements * 2);
    }
    return converted;
  };
  return { dtype: "f16", convert: Object.assign(convert, { exact: false, blockBytes: bytes }) };
}

/** q5_0, 32 elements in 22 bytes: d, the codes' fifth bits (element i at bit i), 16 bytes of nibbles n, the low ones first; d · (n − 16). */
function q50ToQ80(stored: Uint8Array): Uint8Array {
  return toQ80(stored, ggmlTypes.q5_0.bytes, 6, (nibble, element, fifth) => {
    return (nibble | (((fifth >>> element) & 1) << 4)) - 16;
  });
}

/** iq4_nl, 32 elements in 18 bytes: d, then 16 bytes of nibbles n, the low ones first; d · `iq4Values[n]`. */
function iq4NlToQ80(stored: Uint8Array): Uint8Array {
  return toQ80(stored, ggmlTypes.iq4_nl.bytes, 2, (nibble) => iq4Values[nibble]!);
}

/** Blocks of 32 under a scale, whose nibbles begin at `nibbles`; `code` may look at the word after the scale. */
function toQ80(
  stored: Uint8Array,
  blockBytes: number,
  nibbles: number,
  code: (nibble: number, element: number, word: number) => number,
): Uint8Array {
  const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength);
  const blocks = stored.byteLength / blockBytes;
  const converted = new Uint8Array(blocks * ggmlTypes.q8_0.bytes);
  for (let block = 0, from = 0, to = 0; block < blocks; block++, from += blockBytes, to += ggmlTypes.q8_0.bytes) {
    converted[to] = stored[from]!;
    converted[to + 1] = stored[from + 1]!;
    const word = view.getUint32(from + 2, true);
    for (let i = 0; i < 16; i++) {
      const pair = stored[from + nibbles + i]!;
      converted[to + 2 + i] = code(pair & 15, i, word);
      converted[to + 18 + i] = code(pair >>> 4, i + 16, word);
    }
  }
  return converted;
}
