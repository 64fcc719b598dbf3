const [QUOTE, BACKSLASH, COLON, COMMA, MINUS] = [0x22, 0x5c, 0x3a, 0x2c, 0x2d];
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d];
const SPACES = tableOf(" \t\n\r");
const LITERALS = tableOf("tfn-0123456789");
/** Bytes looked at (2 ms or less) between two turns of the event loop. */
const SLICE = 2 ** 16;

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
 * Whether the text is JSON at all is left to `JSON.parse`. A long text is looked over in slices, between which the event loop turns.
 */
export async function scanJson(json: Uint8Array, limit: number): Promise<JsonFault | undefined> {
  const frames: Frame[] = [];
  let frame: Frame | undefined;
  let pause = SLICE;
  let keyNext = false;
  let valueNext = true;
  const fault = (kind: JsonFault["kind"]): JsonFault => ({ kind, path: pathOf(frames) });
  for (let i = 0; i < json.length; i++) {
    if (i >= pause) {
      await new Promise(setImmediate);
      pause = i + SLICE;
    }
    const byte = json[i]!;
    if (SPACES[byte]) continue;
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
      frame = { keys: keyNext ? new Set() : undefined, key: "", index: 0 };
      frames.push(frame);
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      frames.pop();
      frame = frames.at(-1);
      keyNext = false;
      valueNext = false;
    } else if (byte === COMMA) {
      if (frame) frame.index++;
      keyNext = frame?.keys !== undefined;
      valueNext = !keyNext;
    } else if (byte === COLON) {
      valueNext = true;
    } else if (valueNext) {
      if (!LITERALS[byte] || (byte === MINUS && !LITERALS[json[i + 1] ?? 0])) return fault("value");
      valueNext = false;
    }
  }
  return undefined;
}

/** 1 for each of these characters, by code. */
function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
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
