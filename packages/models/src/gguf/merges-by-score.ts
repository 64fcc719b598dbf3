/**
 * The merges of a SentencePiece BPE vocabulary, best first. SentencePiece joins the two neighbours whose joined text is the token of highest score, so every way to cut a token in
 * two that are tokens is a merge, ranked by the score of the whole; of equal ones, as transformers' conversion orders them, those with the longer left part come first.
 *
 * @param isMerged whether the token of this id may come from a merge
 */
export function mergesByScore(
  tokens: readonly string[],
  scores: Float32Array,
  isMerged: (id: number) => boolean,
): [string, string][] {
  const known = new Set(tokens);
  const merges: { pair: [string, string]; score: number }[] = [];
  for (const [id, token] of tokens.entries()) {
    if (!isMerged(id)) continue;
    for (let at = 1; at < token.length; at++) {
      const pair: [string, string] = [token.slice(0, at), token.slice(at)];
      if (known.has(pair[0]) && known.has(pair[1])) merges.push({ pair, score: scores[id]! });
    }
  }
  merges.sort((a, b) => b.score - a.score || b.pair[0].length - a.pair[0].length);
  return merges.map(({ pair }) => pair);
}
