import { latencyOf } from "./metrics.js";
import { type Outcome } from "./outcome.js";
import { type Chart, type Point } from "./svg-chart.js";

/** What a load looked like: over time, and as cumulative distributions. */
export function loadCharts(outcomes: readonly Outcome[]): Chart[] {
  const beginning = outcomes.reduce((least, { intendedMs }) => Math.min(least, intendedMs), Infinity);
  const answered = outcomes.filter(({ failure }) => failure === undefined);
  const latencies = answered.map((outcome) => ({ intendedMs: outcome.intendedMs, ...latencyOf(outcome) }));
  const seconds = (timeMs: number) => (timeMs - beginning) / 1000;
  const time = "seconds from the beginning";
  return [
    {
      title: "Time to first token",
      xLabel: time,
      yLabel: "ms",
      series: [
        {
          name: "TTFT",
          kind: "dots",
          points: latencies.flatMap(({ intendedMs, ttftMs }) =>
            ttftMs === undefined ? [] : { x: seconds(intendedMs), y: ttftMs },
          ),
        },
      ],
    },
    {
      title: "Latency, cumulative",
      xLabel: "ms",
      yLabel: "% of requests",
      series: [
        { name: "TTFT", kind: "steps", points: cumulative(latencies.flatMap(({ ttftMs }) => ttftMs ?? [])) },
        { name: "end to end", kind: "steps", points: cumulative(latencies.map(({ e2eMs }) => e2eMs)) },
      ],
    },
    {
      title: "Time between tokens, cumulative",
      xLabel: "ms",
      yLabel: "% of gaps",
      series: [{ name: "TBT", kind: "steps", points: cumulative(latencies.flatMap(({ gapsMs }) => gapsMs)) }],
    },
    {
      title: "Requests under way",
      xLabel: time,
      yLabel: "requests",
      series: [{ name: "under way", kind: "steps", points: underWay(outcomes, seconds) }],
    },
    {
      title: "Parts of answers per second",
      xLabel: time,
      yLabel: "per second",
      series: [
        {
          name: "parts",
          kind: "steps",
          points: perSecond(outcomes.flatMap(({ tokenMs }) => tokenMs.map(seconds))),
        },
      ],
    },
  ];
}

const mostPoints = 500;

/** Per cent of the values that are at most x. Thinned, so that a report of a million gaps can be opened. */
function cumulative(values: readonly number[]): Point[] {
  const sorted = [...values].sort((a, b) => a - b);
  const points = sorted.map((x, index) => ({ x, y: ((index + 1) / sorted.length) * 100 }));
  const stride = Math.ceil(points.length / mostPoints);
  return points.filter((_, index) => index % stride === 0 || index === points.length - 1);
}

function underWay(outcomes: readonly Outcome[], seconds: (timeMs: number) => number): Point[] {
  const changes = outcomes
    .flatMap(({ intendedMs, endMs }) => [
      { x: seconds(intendedMs), change: 1 },
      { x: seconds(endMs), change: -1 },
    ])
    .sort((a, b) => a.x - b.x);
  let y = 0;
  return changes.map(({ x, change }) => ({ x, y: (y += change) }));
}

function perSecond(times: readonly number[]): Point[] {
  const seconds = times.map(Math.floor);
  const last = seconds.reduce((most, second) => Math.max(most, second), -1);
  const counts = new Array<number>(last + 1).fill(0);
  for (const second of seconds) counts[second]!++;
  return counts.map((count, second) => ({ x: second, y: count }));
}
