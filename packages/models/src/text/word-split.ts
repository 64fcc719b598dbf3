/**
 * Cuts SentencePiece-style text before each run of `▁`, if no merge could ever join across such a cut: then the pieces are the same, but words
 * are looked up in the encoder's cache, and a long text does not become one word of a hundred thousand characters. `merged`: the tokens that
 * merges make.
 */
export function wordSplitter(merged: readonly string[]): (text: string) => string[] {
  const wordwise =
    merged.some((token) => token.includes("▁")) &&
    merged.every((token) => !token.includes("▁", 1) || /^▁+[^▁]*$/.test(token));
  return wordwise ? (text) => text.match(/▁+[^▁]*|[^▁]+/g) ?? [] : (text) => [text];
}
