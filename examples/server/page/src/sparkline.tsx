interface Props {
  readonly label: string;
  /** Oldest first; null where there was nothing to measure. */
  readonly values: readonly (number | null)[];
  readonly format: (value: number) => string;
  /** The top of the chart, where it is known. Default: the largest value. */
  readonly top?: number;
}

/** Values that a chart shows at most: half a minute, at two a second. */
export const chartLength = 60;

const width = 120;
const height = 36;

/** A small chart of how one figure went lately, with its last value beside it. */
export function Sparkline({ label, values, format, top }: Props) {
  const known = values.filter((value) => value !== null);
  const most = Math.max(top ?? 0, ...known);
  const now = known.length === 0 ? "–" : format(known.at(-1)!);
  const points = values.flatMap((value, index) =>
    value === null
      ? []
      : `${round(width - ((values.length - 1 - index) * width) / (chartLength - 1))},${round(height - 1 - (most > 0 ? value / most : 0) * (height - 3))}`,
  );
  const line = points.join(" ");
  const [left, right] = [points[0]?.split(",")[0], points.at(-1)?.split(",")[0]];
  return (
    <div class="spark">
      <span class="name">{label}</span>
      <span class="value">{now}</span>
      <svg
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${label} lately: now ${now}, at most ${known.length === 0 ? "–" : format(Math.max(...known))}`}
      >
        <line x1="0" x2={width} y1={height - 0.5} y2={height - 0.5} />
        {points.length > 1 && (
          <>
            <polygon points={`${left},${height} ${line} ${right},${height}`} />
            <polyline points={line} />
          </>
        )}
      </svg>
    </div>
  );
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
