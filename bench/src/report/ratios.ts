import * as Plot from "@observablehq/plot";
import { formats, type VersusName } from "../compare/plan.js";
import { type Point } from "../compare/point.js";
import { chart } from "./chart.js";

/** Our tokens per second over the peer's, a bar for each shape and format, with a mark where the goal is. */
export function ratios(points: readonly Point[], figure: VersusName): string {
  const bars = points.flatMap(({ shape, format, figures }) => {
    const versus = figures[figure];
    if (!versus) return [];
    const { whittle, peer, ratio, goal } = versus;
    return [
      {
        shape,
        format,
        ratio,
        goal,
        text: `${ratio.toFixed(1)}x  ${rate(whittle.tokensPerSecond)} : ${rate(peer.tokensPerSecond)}`,
      },
    ];
  });
  const shapes = [...new Set(bars.map(({ shape }) => shape))];
  const most = Math.max(...bars.map(({ ratio, goal }) => Math.max(ratio, goal)));
  return chart((width) => ({
    height: 40 + bars.length * 21 + shapes.length * 12,
    marginLeft: 40,
    marginRight: width < 500 ? 24 : 110,
    fy: { domain: shapes, label: null, axis: width < 500 ? null : "right" },
    y: { domain: formats.filter((name) => bars.some(({ format }) => format === name)), label: null, padding: 0.2 },
    x: { domain: [0, most * (width < 500 ? 1.5 : 1.25)], label: "times node-llama-cpp →", grid: true },
    marks: [
      Plot.barX(bars, { fy: "shape", y: "format", x: "ratio", fill: "var(--a)" }),
      Plot.tickX(bars, { fy: "shape", y: "format", x: "goal", stroke: "var(--paper)", strokeWidth: 6 }),
      Plot.tickX(bars, { fy: "shape", y: "format", x: "goal", stroke: "var(--goal)", strokeWidth: 2.5 }),
      Plot.ruleX([1], { stroke: "currentColor", strokeDasharray: "3,3" }),
      Plot.text(bars, {
        fy: "shape",
        y: "format",
        x: ({ ratio, goal }: { ratio: number; goal: number }) => Math.max(ratio, goal),
        text: "text",
        textAnchor: "start",
        dx: 5,
        fill: "currentColor",
        stroke: "var(--paper)",
        strokeWidth: 4,
        paintOrder: "stroke",
      }),
      ...(width < 500
        ? [
            Plot.text(shapes, {
              fy: (shape: string) => shape,
              text: (shape: string) => shape,
              frameAnchor: "top-right",
              fontWeight: 600,
              dy: -9,
            }),
          ]
        : []),
    ],
  }));
}

function rate(tokensPerSecond: number): string {
  return tokensPerSecond < 100 ? tokensPerSecond.toFixed(1) : Math.round(tokensPerSecond).toLocaleString("en");
}
