import type * as Xgrammar from "@mlc-ai/web-xgrammar";

export type { CompiledGrammar, GrammarCompiler, GrammarMatcher, TokenizerInfo } from "@mlc-ai/web-xgrammar";

/**
 * The library, which is a script for browsers that calls itself an ES module: it asks for a `location`, and leaves what it has in a global. Both are given and taken in the thread of
 * grammars, whose globals are its own.
 */
export async function loadXgrammar(): Promise<typeof Xgrammar> {
  const address = import.meta.resolve("@mlc-ai/web-xgrammar");
  const globals = globalThis as unknown as { location?: URL; xgrammar?: typeof Xgrammar };
  globals.location = new URL(address);
  await import(address);
  if (!globals.xgrammar) throw new Error("@mlc-ai/web-xgrammar left nothing behind");
  return globals.xgrammar;
}
