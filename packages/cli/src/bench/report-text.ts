import { type LoadReport } from "./load-report.js";
import { type Distribution } from "./metrics.js";

const columns = ["mean", "p50", "p90", "p95", "p99", "max"] as const;

/** The report for a terminal. */
export function textReport({ summary }: LoadReport): string {
  const { requests, failures, durationMs, sloAttainment } = summary;
  const kinds = Object.entries(failures).map(([kind, count]) => `${count} × ${kind}`);
  const lines = [
    `requests    ${requests.answered} answered, ${requests.failed} failed${kinds.length > 0 ? ` (${kinds.join(", ")})` : ""}, in ${(durationMs / 1000).toFixed(1)} s`,
    `throughput  ${summary.requestsPerSecond.toFixed(2)} requests/s, ${summary.outputTokensPerSecond.toFixed(1)} output tokens/s, ${summary.totalTokensPerSecond.toFixed(1)} tokens/s in all`,
    ...(sloAttainment === undefined ? [] : [`within SLO  ${(sloAttainment * 100).toFixed(1)} %`]),
    "",
    row("ms", columns),
    ...latencies(summary).map(([name, values]) =>
      row(
        name,
        columns.map((column) => cell(values, column)),
      ),
    ),
  ];
  return `${lines.join("\n")}\n`;
}

/** Name and values of each latency that a report lists. */
export function latencies(summary: LoadReport["summary"]): (readonly [string, Distribution | undefined])[] {
  return [
    ["TTFT", summary.ttftMs],
    ["TBT", summary.tbtMs],
    ["TPOT", summary.tpotMs],
    ["end to end", summary.e2eMs],
    ["send lag", summary.sendLagMs],
  ];
}

/** `12.3`, or a dash where there was nothing to measure. */
export function cell(values: Distribution | undefined, column: keyof Distribution): string {
  return values === undefined ? "–" : values[column].toFixed(1);
}

function row(name: string, cells: readonly string[]): string {
  return name.padEnd(12) + cells.map((text) => text.padStart(10)).join("");
}
