import * as Plot from "@observablehq/plot";
import { formats, type VersusName } from "../compare/plan.js";
import { type Point } from "../compare/point.js";
import { chart } from "./chart.js";

const colors = ["var(--a)", "var(--c)", "var(--d)"];

/** A colour for each peer that points have. */
export function peerColors(points: readonly Point[]): { name: string; color: string }[] {
  const all = points.flatMap(({ figures }) => [figures.prefill, figures.decode, figures.batch]);
  const names = new Set(all.flatMap((versus) => versus?.peers.map(({ peer }) => peer) ?? []));
  return [...names].map((name, i) => ({ name, color: colors[i % colors.length]! }));
}

/** Our tokens per second over each peer's, a bar for each shape, format and peer, with a mark where the goal is. */
export function ratios(points: readonly Point[], figure: VersusName): string {
  const colorOf = new Map(peerColors(points).map(({ name, color }) => [name, color]));
  const bars = points.flatMap(({ shape, format, figures }) => {
    const versus = figures[figure];
    return (versus?.peers ?? []).map(({ peer, tokensPerSecond, ratio, goal }) => ({
      shape,
      line: `${format} ${peer}`,
      format,
      peer,
      ratio,
      goal,
      color: colorOf.get(peer)!,
      text: `${ratio.toFixed(1)}x  ${rate(versus!.whittle.tokensPerSecond)} : ${rate(tokensPerSecond)}`,
    }));
  });
  const marked = bars.filter(({ goal }) => goal !== undefined);
  const shapes = [...new Set(bars.map(({ shape }) => shape))];
  const most = Math.max(...bars.map(({ ratio, goal }) => Math.max(ratio, goal ?? 0)));
  const lines = formats
    .flatMap((format) => [...colorOf.keys()].map((peer) => `${format} ${peer}`))
    .filter((line) => bars.some((bar) => bar.line === line));
  const formatOfFirst = (line: string) => {
    const [format] = line.split(" ");
    return lines.find((each) => each.startsWith(`${format} `)) === line ? format! : "";
  };
  return chart((width) => ({
    color: { type: "identity" },
    height: 40 + bars.length * 21 + shapes.length * 12,
    marginLeft: 40,
    marginRight: width < 500 ? 24 : 110,
    fy: { domain: shapes, label: null, axis: width < 500 ? null : "right" },
    // Formats in their order, peers in theirs; a format is written beside its first bar.
    y: { domain: lines, tickFormat: formatOfFirst, label: null, padding: 0.2 },
    x: { domain: [0, most * (width < 500 ? 1.5 : 1.25)], label: "times the peer →", grid: true },
    marks: [
      Plot.barX(bars, { fy: "shape", y: "line", x: "ratio", fill: "color" }),
      Plot.tickX(marked, { fy: "shape", y: "line", x: "goal", stroke: "var(--paper)", strokeWidth: 6 }),
      Plot.tickX(marked, { fy: "shape", y: "line", x: "goal", stroke: "var(--goal)", strokeWidth: 2.5 }),
      Plot.ruleX([1], { stroke: "currentColor", strokeDasharray: "3,3" }),
      Plot.text(bars, {
        fy: "shape",
        y: "line",
        x: ({ ratio, goal }: { ratio: number; goal?: number }) => Math.max(ratio, goal ?? 0),
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
