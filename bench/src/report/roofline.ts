import * as Plot from "@observablehq/plot";
import { chart } from "./chart.js";

/** What the benchmark `kernels` writes. */
export interface KernelResults {
  readonly threads: number;
  readonly limits: Readonly<Record<string, number>>;
  readonly figures: readonly {
    readonly name: string;
    readonly gflops: number;
    readonly gigabytesPerSecond: number;
  }[];
}

/** Roofs are drawn from here to there, in operations per byte. */
const [leastIntensity, mostIntensity] = [0.25, 4096];

/** Each kernel by its operations per byte that comes from memory and its speed, below what the machine can do. Source: Williams, Waterman & Patterson 2009. */
export function roofline({ limits, figures, threads }: KernelResults): string {
  const limit = (name: string) =>
    Object.entries(limits).find(([key]) => key.startsWith(name) && key.includes(`, ${threads} thread`))?.[1];
  const read = limit("read")!;
  const roofs = [
    { name: "f32 multiply-add", most: limit("f32 multiply-add from L1"), color: "var(--a)" },
    { name: "8-bit codes", most: limit("8-bit codes from L1"), color: "var(--b)" },
  ].flatMap(({ name, most, color }) => (most === undefined ? [] : [{ name, most, color }]));
  const lines = roofs.flatMap(({ name, most }) =>
    [leastIntensity, most / read, mostIntensity].map((x) => ({ name, x, y: Math.min(most, x * read) })),
  );
  const points = figures.map(({ name, gflops, gigabytesPerSecond }) => ({
    name,
    x: Math.min(mostIntensity, gflops / gigabytesPerSecond),
    y: gflops,
    kind: /attention|q8_0|q4_0|q4_K|q6_K|f16|bf16|f32/.exec(name)?.[0] ?? "other",
  }));
  return chart((width) => ({
    height: width < 500 ? 320 : 420,
    marginRight: 20,
    x: { type: "log", label: "operations per byte →", domain: [leastIntensity, mostIntensity], grid: true, ticks: 6 },
    y: { type: "log", label: "↑ GFLOP/s", grid: true, ticks: 5 },
    symbol: { legend: false },
    marks: [
      Plot.line(lines, { x: "x", y: "y", z: "name", stroke: "currentColor", strokeWidth: 1.5 }),
      Plot.text(roofs, {
        x: mostIntensity,
        y: "most",
        text: ({ name, most }: { name: string; most: number }) => `${name}, ${most.toFixed(0)}`,
        textAnchor: "end",
        dy: -8,
        fill: "currentColor",
      }),
      Plot.text([read], {
        x: 0.5,
        y: 0.5 * read,
        text: () => `read ${read.toFixed(0)} GB/s`,
        textAnchor: "start",
        dx: 14,
        dy: 4,
        fill: "currentColor",
      }),
      Plot.dot(points, {
        x: "x",
        y: "y",
        r: 3.5,
        fill: ({ kind }: { kind: string }) => colorOf(kind),
        title: ({ name, y }: { name: string; y: number }) => `${name}: ${y.toFixed(1)} GFLOP/s`,
      }),
    ],
    color: { type: "identity" },
  }));
}

export const roofKinds = [
  { name: "f32", color: "var(--a)" },
  { name: "f16, bf16", color: "var(--b)" },
  { name: "blocks of 8 and 4 bits", color: "var(--c)" },
  { name: "attention", color: "var(--d)" },
];

function colorOf(kind: string): string {
  if (kind === "attention") return "var(--d)";
  if (kind === "f32") return "var(--a)";
  return kind === "f16" || kind === "bf16" ? "var(--b)" : "var(--c)";
}
