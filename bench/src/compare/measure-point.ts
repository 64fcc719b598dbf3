import { statSync } from "node:fs";
import { type ShapeName } from "../shared/random-checkpoint.js";
import { median } from "../shared/statistics.js";
import { measureFirstToken } from "./first-token.js";
import { type Peer, type PeerModel } from "./peers/peer.js";
import { efforts, type FigureName, type Format } from "./plan.js";
import { type Point, type PointFigures, type SameTokens } from "./point.js";
import { compareTokens } from "./same-tokens.js";
import { type Asked, type Limits } from "./side.js";
import { measureCurve, measureVersus, type Opponent, type Work, worksOf } from "./versus.js";
import { startWhittle } from "./whittle.js";

export interface PointOptions {
  /** A GGUF file that all sides read. */
  readonly file: string;
  readonly shape: ShapeName;
  readonly format: Format;
  readonly figures: readonly FigureName[];
  readonly peers: readonly Peer[];
  readonly rounds: number;
  readonly threads: number;
  /** Told of each figure when it is there. */
  readonly onFigure: (name: FigureName) => void;
}

/** A peer with the model open in these ways. */
interface OpenPeer {
  readonly peer: Peer;
  readonly side: Asked;
}

/** Measures one shape in one format: all sides by turns, and the machine's limits in each round. */
export async function measurePoint(options: PointOptions): Promise<Point> {
  const { file, shape, format, rounds, threads, onFigure } = options;
  const wants = (name: FigureName) => options.figures.includes(name);
  const model = { file, shape, format };
  const figures: { -readonly [K in keyof PointFigures]: PointFigures[K] } = {};
  const limits: Limits[] = [];
  const whittle = await startWhittle(file, threads);
  const open: OpenPeer[] = [];
  try {
    for (const peer of options.peers.filter(({ formats }) => formats.includes(format)))
      open.push({ peer, side: await peer.start(model, allWays(peer, shape)) });
    const streaming = open.filter(({ peer }) => peer.streams);
    const sameTokens: SameTokens[] = [];
    for (const { peer, side } of streaming)
      sameTokens.push({ peer: peer.name, ...(await compareTokens(whittle, side, allWays(peer, shape)[0]!)) });
    for (const work of worksOf(shape, format).filter(({ name }) => wants(name))) {
      figures[work.name] = await measureVersus(whittle, opponentsFor(open, work, model), work, rounds, limits);
      onFigure(work.name);
    }
    if (wants("rows")) {
      figures.rows = await measureCurve(whittle, shape, format, rounds, limits);
      onFigure("rows");
    }
    // The first token alone is timed without them.
    if (limits.length === 0) limits.push(await whittle.do<"limits">({ kind: "limits" }));
    await stopAll();
    const fresh = streaming[0]?.peer;
    if (wants("first-token") && fresh) {
      const fastest = figures.decode?.peers.find(({ peer }) => peer === fresh.name)?.way;
      const way = fastest ?? fresh.ways("decode", efforts[shape])[0]!;
      figures["first-token"] = await measureFirstToken({ model, threads, peer: fresh, way }, rounds);
      onFigure("first-token");
    }
    return {
      shape,
      format,
      date: new Date().toISOString(),
      rounds,
      fileBytes: statSync(file).size,
      sameTokens,
      limits: middleOf(limits),
      figures,
    };
  } finally {
    await stopAll();
  }

  async function stopAll(): Promise<void> {
    await Promise.all([whittle, ...open.map(({ side }) => side)].map((side) => side.stop()));
  }
}

function allWays(peer: Peer, shape: ShapeName): string[] {
  return [...new Set(peer.works.flatMap((work) => peer.ways(work, efforts[shape])))];
}

function opponentsFor(open: readonly OpenPeer[], { name: work }: Work, { shape, format }: PeerModel): Opponent[] {
  return open
    .filter(({ peer }) => peer.works.includes(work))
    .map(({ peer, side }) => ({
      name: peer.name,
      side,
      ways: peer.ways(work, efforts[shape]),
      goal: peer.goal(work, shape, format),
    }));
}

function middleOf(limits: readonly Limits[]): Limits {
  const middle = (key: keyof Limits) => median(limits.map((each) => each[key]));
  return {
    readGBps: middle("readGBps"),
    multiplyAddGflops: middle("multiplyAddGflops"),
    dotCodesGops: middle("dotCodesGops"),
  };
}
