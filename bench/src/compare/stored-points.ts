import { readResults } from "../shared/results.js";
import { type Point } from "./point.js";

/** What earlier runs have measured. */
export function readPoints(): Point[] {
  return (readResults("compare") as { points: Point[] } | undefined)?.points ?? [];
}

/** Puts a point in the place of an older one, whose other figures it keeps. */
export function withPoint(points: readonly Point[], point: Point): Point[] {
  const isSame = ({ shape, format }: Point) => shape === point.shape && format === point.format;
  const older = points.find(isSame);
  return [
    ...points.filter((each) => !isSame(each)),
    older ? { ...point, figures: { ...older.figures, ...point.figures } } : point,
  ];
}
