const [QUOTE, BACKSLASH, COLON, COMMA, MINUS] = [0x22, 0x5c, 0x3a, 0x2c, 0x2d];
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d];
const SPACES = new Set([0x20, 0x09, 0x0a, 0x0d]);
const LITERALS = new Set([..."tfn-0123456789"].map((character) => character.charCodeAt(0)));

/** What makes a JSON text unfit to be read, and where: `path` as in `messages[0].content`. */
export interface JsonFault {
  readonly kind: "depth" | "duplicate" | "prototype" | "value";
  readonly path: string;
}

interface Frame {
  /** Keys so far, of an object. */
  readonly keys: Set<string> | undefined;
  key: string;
  index: number;
}

/**
 * Looks over a JSON text before it is parsed: nesting deeper than `limit` (a megabyte of brackets takes `JSON.parse` a tenth of a second, in which a server would answer nobody
 * else), a key that stands twice in one object (parsers disagree on which one counts), the key `__proto__`, and a value that JSON does not know (NaN, Infinity).
 * Whether the text is JSON at all is left to `JSON.parse`.
 */
export function scanJson(json: Uint8Array, limit: number): JsonFault | undefined {
  const frames: Frame[] = [];
  let keyNext = false;
  let valueNext = true;
  const fault = (kind: JsonFault["kind"]): JsonFault => ({ kind, path: pathOf(frames) });
  for (let i = 0; i < json.length; i++) {
    const byte = json[i]!;
    if (SPACES.has(byte)) continue;
    const frame = frames.at(-1);
    if (byte === QUOTE) {
      const end = endOfString(json, i);
      if (keyNext && frame?.keys) {
        frame.key = keyText(json.subarray(i, end + 1));
        if (frame.key === "__proto__") return fault("prototype");
        if (frame.keys.has(frame.key)) return fault("duplicate");
        frame.keys.add(frame.key);
        keyNext = false;
      }
      valueNext = false;
      i = end;
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      if (frames.length === limit) return fault("depth");
      keyNext = byte === OPEN_OBJECT;
      valueNext = !keyNext;
      frames.push({ keys: keyNext ? new Set() : undefined, key: "", index: 0 });
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      frames.pop();
      keyNext = false;
      valueNext = false;
    } else if (byte === COMMA) {
      if (frame) frame.index++;
      keyNext = frame?.keys !== undefined;
      valueNext = !keyNext;
    } else if (byte === COLON) {
      valueNext = true;
    } else if (valueNext) {
      if (!LITERALS.has(byte) || (byte === MINUS && !LITERALS.has(json[i + 1] ?? 0))) return fault("value");
      valueNext = false;
    }
  }
  return undefined;
}

/** Index of the quote that ends the string which begins at `from`. */
function endOfString(json: Uint8Array, from: number): number {
  for (let i = from + 1; i < json.length; i++) {
    if (json[i] === BACKSLASH) i++;
    else if (json[i] === QUOTE) return i;
  }
  return json.length;
}

/** Escapes are read, so that two spellings of one key are one key. */
function keyText(quoted: Uint8Array): string {
  const text = Buffer.from(quoted).toString("utf8");
  try {
    return JSON.parse(text) as string;
  } catch {
    return text;
  }
}

function pathOf(frames: readonly Frame[]): string {
  return frames
    .map(({ keys, key, index }, depth) => (keys ? `${depth > 0 ? "." : ""}${key.slice(0, 60)}` : `[${index}]`))
    .join("")
    .slice(0, 200);
}
