import { type SameTokens } from "./point.js";
import { type Asked } from "./side.js";

const [promptTokens, newTokens] = [16, 24];

/** Whether both sides have the same weights and compute the same: their greedy ids after the same prompt. */
export async function compareTokens(whittle: Asked, peer: Asked, way: string): Promise<Omit<SameTokens, "peer">> {
  const ask = { kind: "greedy", promptTokens, newTokens } as const;
  const { ids: ours } = await whittle.do<"greedy">({ ...ask, way });
  const { ids: theirs } = await peer.do<"greedy">({ ...ask, way });
  const agree = ours.findIndex((id, i) => id !== theirs[i]);
  if (agree < 0) return { compared: newTokens, agree: newTokens };
  const { gap } = await whittle.do<"gap">({ kind: "gap", promptTokens, answered: ours.slice(0, agree) });
  return { compared: newTokens, agree, gap };
}
