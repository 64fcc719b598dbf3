import { InvalidArgumentError } from "commander";
import { type LengthRange } from "./bench/arrivals.js";
import { parseByteSize } from "./byte-size.js";

/** Parsers of option values. Each throws what commander shows as one line that names the option. */

/** A whole number within bounds. */
export function integer(least: number, most = Number.MAX_SAFE_INTEGER) {
  return (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    const bounds = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
    throw new InvalidArgumentError(`Expected a whole number ${bounds}.`);
  };
}

/** A number within bounds, both included. */
export function number(least: number, most: number) {
  return (text: string): number => {
    const value = Number(text);
    if (text.trim() !== "" && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Expected a number from ${least} to ${most}.`);
  };
}

/** A device, as in `cpu` or `cuda:1`. */
export function deviceName(text: string): string {
  if (isDeviceName(text)) return text;
  throw new InvalidArgumentError("Expected cpu, cuda or cuda:<index>.");
}

export function isDeviceName(text: string): boolean {
  return /^(cpu|cuda(:\d{1,3})?)$/.test(text);
}

/** Bytes, as in `2GiB`. */
export function byteSize(text: string): number {
  const bytes = parseByteSize(text);
  if (bytes !== undefined && bytes > 0) return bytes;
  throw new InvalidArgumentError("Expected a size such as 512MiB or 2GiB.");
}

/** An option that may be given several times: all its values, in order. */
export function list(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

/** A number of tokens, or a range of them as in `64-512`. */
export function lengthRange(text: string): LengthRange {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text);
  const least = Number(match?.[1]);
  const most = Number(match?.[2] ?? match?.[1]);
  if (least >= 1 && most >= least) return { least, most };
  throw new InvalidArgumentError("Expected a number of tokens such as 128, or a range such as 64-512.");
}
