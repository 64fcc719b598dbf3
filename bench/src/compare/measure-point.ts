import { statSync } from "node:fs";
import { type ShapeName } from "../shared/random-checkpoint.js";
import { median } from "../shared/statistics.js";
import { measureFirstToken } from "./first-token.js";
import { efforts, type FigureName, type Format } from "./plan.js";
import { type Point, type PointFigures } from "./point.js";
import { compareTokens } from "./same-tokens.js";
import { type Limits } from "./side.js";
import { startSides } from "./sides.js";
import { measureCurve, measureVersus, worksOf } from "./versus.js";
import { peerContexts } from "./ways.js";

export interface PointOptions {
  /** A GGUF file that both sides read. */
  readonly file: string;
  readonly shape: ShapeName;
  readonly format: Format;
  readonly figures: readonly FigureName[];
  readonly rounds: number;
  readonly threads: number;
  /** Told of each figure when it is there. */
  readonly onFigure: (name: FigureName) => void;
}

/** Measures one shape in one format: both sides by turns, and the machine's limits in each round. */
export async function measurePoint(options: PointOptions): Promise<Point> {
  const { file, shape, format, rounds, threads, onFigure } = options;
  const wants = (name: FigureName) => options.figures.includes(name);
  const [firstWay] = peerContexts("single", efforts[shape]);
  const figures: { -readonly [K in keyof PointFigures]: PointFigures[K] } = {};
  const limits: Limits[] = [];
  const sides = await startSides(file, shape, threads);
  try {
    const sameTokens = await compareTokens(sides, firstWay!.name);
    for (const work of worksOf(shape, format).filter(({ name }) => wants(name))) {
      figures[work.name] = await measureVersus(sides, work, rounds, limits);
      onFigure(work.name);
    }
    if (wants("rows")) {
      figures.rows = await measureCurve(sides.whittle, shape, format, rounds, limits);
      onFigure("rows");
    }
    // The first token alone is timed without them.
    if (limits.length === 0) limits.push(await sides.whittle.do<"limits">({ kind: "limits" }));
    await Promise.all([sides.whittle.stop(), sides.peer.stop()]);
    if (wants("first-token")) {
      const fastest = figures.decode?.peer.way ?? firstWay!.name;
      const context = peerContexts("single", efforts[shape]).find(({ name }) => name === fastest)!;
      figures["first-token"] = await measureFirstToken({ model: file, threads, context }, rounds);
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
    await Promise.all([sides.whittle.stop(), sides.peer.stop()]);
  }
}

function middleOf(limits: readonly Limits[]): Limits {
  const middle = (key: keyof Limits) => median(limits.map((each) => each[key]));
  return {
    readGBps: middle("readGBps"),
    multiplyAddGflops: middle("multiplyAddGflops"),
    dotCodesGops: middle("dotCodesGops"),
  };
}
