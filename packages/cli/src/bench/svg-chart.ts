import { escapeHtml } from "./escape-html.js";

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
  /** `steps`: the value holds until the next point. */
  readonly kind: "line" | "steps" | "dots";
}

export interface Chart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
}

const width = 560;
const height = 260;
const margin = { left: 64, right: 24, top: 12, bottom: 44 };

/** A chart from zero, as an SVG figure whose colours are the page's CSS classes (`series-0`, `series-1`). */
export function svgChart({ title, xLabel, yLabel, series }: Chart): string {
  const points = series.flatMap((one) => one.points);
  const xTicks = ticks(points.reduce((most, { x }) => Math.max(most, x), 0));
  const yTicks = ticks(points.reduce((most, { y }) => Math.max(most, y), 0));
  const toX = scale(xTicks.at(-1)!, margin.left, width - margin.right);
  const toY = scale(yTicks.at(-1)!, height - margin.bottom, margin.top);
  const bottom = height - margin.bottom;
  const parts = [
    ...yTicks.map(
      (tick) =>
        `<line class="grid" x1="${margin.left}" x2="${width - margin.right}" y1="${toY(tick)}" y2="${toY(tick)}"/>` +
        `<text x="${margin.left - 8}" y="${toY(tick) + 4}" text-anchor="end">${label(tick)}</text>`,
    ),
    ...xTicks.map((tick) => `<text x="${toX(tick)}" y="${bottom + 18}" text-anchor="middle">${label(tick)}</text>`),
    `<text x="${(margin.left + width - margin.right) / 2}" y="${height - 6}" text-anchor="middle">${escapeHtml(xLabel)}</text>`,
    `<text transform="translate(14 ${(margin.top + bottom) / 2}) rotate(-90)" text-anchor="middle">${escapeHtml(yLabel)}</text>`,
    ...series.map((one, index) => draw(one, index, toX, toY)),
  ];
  const legend = series.map(({ name }, index) => `<span class="series-${index}"><i></i>${escapeHtml(name)}</span>`);
  return (
    `<figure><figcaption>${escapeHtml(title)}${series.length > 1 ? `<small>${legend.join("")}</small>` : ""}</figcaption>` +
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(title)}">${parts.join("")}</svg></figure>`
  );
}

type Scale = (value: number) => number;

function draw({ points, kind }: Series, index: number, toX: Scale, toY: Scale): string {
  if (kind === "dots")
    return `<g class="series-${index} dots">${points.map(({ x, y }) => `<circle cx="${toX(x)}" cy="${toY(y)}" r="2.5"/>`).join("")}</g>`;
  const path = points.map(({ x, y }, at) => {
    if (at === 0) return `M${toX(x)} ${toY(y)}`;
    return kind === "steps" ? `H${toX(x)}V${toY(y)}` : `L${toX(x)} ${toY(y)}`;
  });
  return `<path class="series-${index}" d="${path.join("")}"/>`;
}

function scale(most: number, from: number, to: number): Scale {
  return (value) => Math.round((from + ((to - from) * value) / most) * 10) / 10;
}

/** From 0 to at least `most` in about five steps of 1, 2 or 5 times a power of ten. */
function ticks(most: number): number[] {
  const rough = (most > 0 ? most : 1) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999)!;
  const count = Math.ceil((most > 0 ? most : 1) / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => index * step);
}

function label(value: number): string {
  return value.toLocaleString("en", { maximumSignificantDigits: 3, useGrouping: false });
}
