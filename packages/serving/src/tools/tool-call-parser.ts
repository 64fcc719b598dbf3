import { randomInt } from "node:crypto";
import { CallReader } from "./call-reader.js";
import { NamedCallReader } from "./named-call-reader.js";
import { type ToolFormat } from "./tool-format.js";

/** What a piece of an answer says: text, or a part of a call (the first of each call has its id and name). */
export type AnswerPart =
  | { readonly content: string }
  | {
      readonly call: {
        readonly index: number;
        readonly id?: string;
        readonly name?: string;
        readonly arguments: string;
      };
    };

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/**
 * Finds the calls in what a model says, as it is said. What comes out, joined, does not depend on how the text was cut: a whole answer and a streamed one agree. What is no call after
 * all is text.
 */
export class ToolCallParser {
  /** Calls found so far. */
  calls = 0;
  private pending = "";
  private mode: "start" | "text" | "open" | "call" | "after" | "gap" = "start";
  private reader: CallReader | NamedCallReader = new CallReader();
  private index = -1;
  private inArray = false;

  constructor(private readonly format: ToolFormat) {}

  push(text: string): AnswerPart[] {
    this.pending += text;
    const parts: AnswerPart[] = [];
    for (let going = true; going;) going = this.step(parts);
    return join(parts);
  }

  /** The answer is over: what was held back is text, unless it belongs to a call. */
  flush(): AnswerPart[] {
    const { reader } = this;
    const isText = this.mode === "start" || this.mode === "text";
    const held = this.mode === "call" && !reader.begun ? reader.text : isText ? this.pending : "";
    this.pending = "";
    this.reader = new CallReader();
    return held === "" ? [] : [{ content: held }];
  }

  /** One step through what is pending; false if more text is needed. */
  private step(parts: AnswerPart[]): boolean {
    switch (this.mode) {
      case "start":
        return this.start();
      case "text":
        return this.text(parts);
      case "open":
        return this.open();
      case "call":
        return this.call(parts);
      case "after":
        return this.after();
      default:
        return this.gap();
    }
  }

  /** At the very beginning a call may stand without its marker. */
  private start(): boolean {
    const { bare, array } = this.format;
    const begun = this.pending.trimStart();
    if (begun === "") return false;
    if (!bare || begun[0] !== (array ? "[" : "{")) return this.go("text");
    if (!array) return this.go("call");
    const rest = begun.slice(1).trimStart();
    if (rest === "") return false;
    if (rest[0] !== "{") return this.go("text");
    this.pending = rest;
    this.inArray = true;
    return this.go("call");
  }

  private text(parts: AnswerPart[]): boolean {
    const { marker } = this.format;
    const at = this.pending.indexOf(marker);
    if (at >= 0) {
      // The break between words and calls belongs to neither.
      parts.push({ content: this.pending.slice(0, at).trimEnd() });
      this.pending = this.pending.slice(at + marker.length);
      this.inArray = false;
      return this.go("open");
    }
    let keep = Math.min(marker.length - 1, this.pending.length);
    while (keep > 0 && !marker.startsWith(this.pending.slice(-keep))) keep--;
    const certain = this.pending.slice(0, this.pending.length - keep).trimEnd();
    if (certain !== "") parts.push({ content: certain });
    this.pending = this.pending.slice(certain.length);
    return false;
  }

  /** After a marker: a call by its name, or the bracket of an array, if there is to be one. */
  private open(): boolean {
    const rest = this.pending.trimStart();
    if (rest === "") return false;
    const { array, named } = this.format;
    const opens = array && !this.inArray && rest[0] === "[";
    this.inArray ||= opens;
    this.pending = opens ? rest.slice(1) : rest;
    if (named && !this.inArray && rest[0] !== "{") this.reader = new NamedCallReader();
    return this.go("call");
  }

  private call(parts: AnswerPart[]): boolean {
    const { reader } = this;
    for (let i = 0; i < this.pending.length; i++) {
      for (const part of reader.push(this.pending[i]!)) parts.push(this.worded(part));
      if (reader.state === "reading") continue;
      this.pending = this.pending.slice(i + 1);
      this.reader = new CallReader();
      if (reader.state === "broken" && !reader.begun) {
        parts.push({ content: reader.text });
        return this.go("text");
      }
      return this.go("after");
    }
    this.pending = "";
    return false;
  }

  private worded({ name, arguments: text = "" }: { name?: string; arguments?: string }): AnswerPart {
    if (name === undefined) return { call: { index: this.index, arguments: text } };
    this.index = this.calls++;
    return { call: { index: this.index, id: newId(this.format.idLength), name, arguments: text } };
  }

  /** After a call: its end mark, a separator, the next call, or text. */
  private after(): boolean {
    const { end, array, bare } = this.format;
    const { inArray } = this;
    this.pending = this.pending.trimStart();
    if (this.pending === "") return false;
    if (end !== undefined) {
      if (this.pending.startsWith(end)) this.pending = this.pending.slice(end.length);
      else if (end.startsWith(this.pending)) return false;
      return this.go("gap");
    }
    const [next] = this.pending;
    const separates = array ? inArray && next === "," : next === ";";
    if (separates || (inArray && next === "]")) this.pending = this.pending.slice(1);
    if (separates) return this.go("open");
    return this.go(bare && !array && next === "{" ? "call" : "gap");
  }

  /** The break between calls and words belongs to neither. */
  private gap(): boolean {
    this.pending = this.pending.trimStart();
    return this.pending !== "" && this.go("text");
  }

  private go(mode: ToolCallParser["mode"]): true {
    this.mode = mode;
    return true;
  }
}

/** Parts of the same kind next to each other are one. */
function join(parts: readonly AnswerPart[]): AnswerPart[] {
  const joined: AnswerPart[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if ("content" in part) {
      if (part.content === "") continue;
      if (last && "content" in last) joined[joined.length - 1] = { content: last.content + part.content };
      else joined.push(part);
    } else if (last && "call" in last && last.call.index === part.call.index && part.call.name === undefined) {
      joined[joined.length - 1] = { call: { ...last.call, arguments: last.call.arguments + part.call.arguments } };
    } else joined.push(part);
  }
  return joined;
}

function newId(length: number): string {
  const random = Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]!).join("");
  return length < 16 ? random : `call_${random}`;
}
