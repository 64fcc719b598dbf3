import { isWhittleError, WhittleError } from "@whittle/core";
import { loadTokenizer } from "@whittle/models";
import { byteLevel } from "../grammar/byte-level.js";
import {
  type AcceptCall,
  type GrammarCall,
  HEAD_WORDS,
  type StartCall,
  type Vocabulary,
} from "../grammar/grammar-calls.js";
import { type CompiledGrammar, type GrammarCompiler, type GrammarMatcher, loadXgrammar } from "../grammar/xgrammar.js";
import { answerCalls } from "./answer-calls.js";

const MOST_COMPILED = 64;

const xgrammar = loadXgrammar();
const compilers = new Map<string, Promise<GrammarCompiler>>();
/** Least recently used first. */
const compiled = new Map<string, CompiledGrammar>();
const matchers = new Map<number, { matcher: GrammarMatcher; words: Int32Array }>();

answerCalls((call: GrammarCall) => {
  switch (call.type) {
    case "start":
      return start(call);
    case "accept":
      return accept(call);
    default:
      matchers.get(call.matcher)?.matcher.dispose();
      matchers.delete(call.matcher);
      return undefined;
  }
});

async function start({ matcher: id, grammar, vocabulary, shared }: StartCall): Promise<void> {
  const { GrammarMatcher } = await xgrammar;
  const matcher = await GrammarMatcher.createGrammarMatcher(await compile(grammar, vocabulary), [...vocabulary.endIds]);
  const words = new Int32Array(shared);
  matchers.set(id, { matcher, words });
  await writeMask(matcher, words);
}

async function accept({ matcher: id, token, turn }: AcceptCall): Promise<void> {
  const known = matchers.get(id);
  if (!known) return;
  const { matcher, words } = known;
  try {
    if (!matcher.acceptToken(token)) throw new Error("the grammar does not take this token");
    await writeMask(matcher, words);
  } catch {
    Atomics.store(words, 1, 1);
  }
  Atomics.store(words, 0, turn);
  Atomics.notify(words, 0);
}

async function writeMask(matcher: GrammarMatcher, words: Int32Array): Promise<void> {
  if (matcher.isTerminated()) words.fill(0, HEAD_WORDS);
  else words.set((await matcher.getNextTokenBitmask()).subarray(0, words.length - HEAD_WORDS), HEAD_WORDS);
}

async function compile(grammar: string, vocabulary: Vocabulary): Promise<CompiledGrammar> {
  const key = JSON.stringify([vocabulary.key, grammar]);
  let made = compiled.get(key);
  compiled.delete(key);
  if (!made) {
    const compiler = await compilerOf(vocabulary);
    try {
      made = await compiler.compileGrammar(grammar);
    } catch (error) {
      if (isWhittleError(error)) throw error;
      throw new WhittleError("grammar", "the grammar cannot be compiled");
    }
  }
  compiled.set(key, made);
  for (const [oldest, old] of compiled) {
    if (compiled.size <= MOST_COMPILED) break;
    compiled.delete(oldest);
    old.dispose();
  }
  return made;
}

function compilerOf(vocabulary: Vocabulary): Promise<GrammarCompiler> {
  const known = compilers.get(vocabulary.key);
  if (known) return known;
  const making = makeCompiler(vocabulary);
  compilers.set(vocabulary.key, making);
  making.catch(() => compilers.delete(vocabulary.key));
  return making;
}

async function makeCompiler({ path, tokens, size, endIds }: Vocabulary): Promise<GrammarCompiler> {
  const { GrammarCompiler, TokenizerInfo } = await xgrammar;
  const spelled = tokens ?? (await tokensOf(path!, size));
  const info = await TokenizerInfo.createTokenizerInfo([...spelled], "byte_level", false, size, [...endIds]);
  // What is kept is kept here, where its number is bounded.
  return GrammarCompiler.createGrammarCompiler(info, false);
}

async function tokensOf(path: string, size: number): Promise<string[]> {
  const tokenizer = await loadTokenizer(path);
  return Array.from({ length: size }, (_, id) => byteLevel(tokenizer.tokenBytes(id) ?? new Uint8Array()));
}
