import { z } from "zod";

/** Texts as OpenAI's API takes them: one, several, or the token ids of one or of several. */
export type TokenInput = string | number[] | string[] | number[][];

interface Fault {
  readonly path: number[];
  readonly message: string;
}

const isInteger = { fits: (value: unknown): boolean => Number.isSafeInteger(value), message: "must be an integer" };
const isNotNegative = { fits: (value: unknown): boolean => (value as number) >= 0, message: "must be at least 0" };
const isText = { fits: (value: unknown): boolean => typeof value === "string", message: "must be a string" };

/** Token ids of one text, none below 0. */
export const tokenIds = checked<number[]>((value) =>
  Array.isArray(value)
    ? (firstFault(value, isInteger) ?? firstFault(value, isNotNegative))
    : { path: [], message: "must be an array of token ids" },
);

/** What is a `TokenInput`. */
export const tokenInput = checked<TokenInput>((value) => {
  if (typeof value === "string") return undefined;
  if (!Array.isArray(value))
    return {
      path: [],
      message: "must be a string, an array of token ids, or an array of these",
    };
  if (typeof value[0] === "string") return firstFault(value, isText);
  if (!Array.isArray(value[0])) return firstFault(value, isInteger);
  for (let i = 0; i < value.length; i++) {
    const ids: unknown = value[i];
    if (!Array.isArray(ids)) return { path: [i], message: "must be an array of token ids" };
    const fault = firstFault(ids, isInteger);
    if (fault) return { ...fault, path: [i, ...fault.path] };
  }
  return undefined;
});

/**
 * A body has room for half a million ids: zod's own arrays take a tenth of a second for these, and two seconds to say of each one what is wrong with it, in which a server answers
 * nobody else. So they are checked here, up to the first fault.
 */
function checked<T>(faultOf: (value: unknown) => Fault | undefined) {
  return z.custom<T>().superRefine((value, context) => {
    const fault = faultOf(value);
    if (fault) context.addIssue({ code: "custom", ...fault });
  });
}

function firstFault(
  values: readonly unknown[],
  { fits, message }: { fits: (value: unknown) => boolean; message: string },
): Fault | undefined {
  const at = values.findIndex((value) => !fits(value));
  return at < 0 ? undefined : { path: [at], message };
}
