import * as Plot from "@observablehq/plot";
import { formats, rowCounts } from "../compare/plan.js";
import { type Point } from "../compare/point.js";
import { chart } from "./chart.js";

/** Tokens per second, all sequences together, over the number of sequences: a picture for each shape. */
export function curves(points: readonly Point[]): string {
  const rows = points.flatMap(({ shape, format, figures }) =>
    (figures.rows ?? []).map(({ rows: x, tokensPerSecond: y }) => ({ shape, format, x, y })),
  );
  const shapes = [...new Set(rows.map(({ shape }) => shape))];
  return chart((width) => ({
    height: 60 + 190 * shapes.length,
    marginRight: 50,
    marginLeft: 50,
    fy: { domain: shapes, label: null, axis: null },
    x: { type: "log", base: 2, label: "sequences →", ticks: rowCounts, tickFormat: (x: number) => String(x) },
    y: { type: "log", label: "↑ tokens/s", grid: true, ticks: 4, tickFormat: (y: number) => y.toLocaleString("en") },
    color: { domain: formats, range: ["var(--a)", "var(--b)", "var(--c)", "var(--d)"] },
    marks: [
      Plot.frame({ stroke: "var(--line)" }),
      Plot.line(rows, { fy: "shape", x: "x", y: "y", stroke: "format", strokeWidth: 2, marker: "dot" }),
      Plot.text(
        rows,
        Plot.selectLast({
          fy: "shape",
          x: "x",
          y: "y",
          z: "format",
          text: "format",
          fill: "format",
          textAnchor: "start",
          dx: 8,
        }),
      ),
      Plot.text(shapes, {
        fy: (shape: string) => shape,
        text: (shape: string) => shape,
        frameAnchor: "top-left",
        fontWeight: 600,
        dx: 8,
        dy: 8,
        fontSize: width < 500 ? 11 : 12,
      }),
    ],
  }));
}
