/**
 * Cuts SentencePiece-style text before each run of `▁`, if no merge could ever join across such a cut: then the pieces are the same, but words are
 * looked up in the encoder's cache, and a long text does not become one word of a hundred thousand characters.
 */
export function wordSplitter(merges: readonly (readonly [string, string])[]): (text: string) => string[] {
  const tokens = merges.map(([left, right]) => left + right);
  const wordwise = tokens.some((token) => token.includes("▁")) && tokens.every((token) => /^▁*[^▁]*$/u.test(token));
  return wordwise ? (text) => text.match(/▁+[^▁]*|[^▁]+/gu) ?? [] : (text) => [text];
}
