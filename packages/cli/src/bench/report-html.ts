import { escapeHtml } from "./escape-html.js";
import { loadCharts } from "./load-charts.js";
import { type LoadReport } from "./load-report.js";
import { cell, latencies } from "./report-text.js";
import { svgChart } from "./svg-chart.js";

const columns = ["mean", "min", "p50", "p90", "p95", "p99", "max"] as const;

/** The report as one HTML file that needs nothing else. */
export function htmlReport(report: LoadReport): string {
  const { url, model, arrivals, startedAt, settings, summary, outcomes } = report;
  const { requests, failures } = summary;
  const facts: [string, string][] = [
    ["requests answered", `${requests.answered} of ${requests.sent}`],
    ...Object.entries(failures).map(([kind, count]): [string, string] => [`failed: ${kind}`, `${count}`]),
    ["requests/s", summary.requestsPerSecond.toFixed(2)],
    ["output tokens/s", summary.outputTokensPerSecond.toFixed(1)],
    ["tokens/s in all", summary.totalTokensPerSecond.toFixed(1)],
    ["seconds", (summary.durationMs / 1000).toFixed(1)],
    ...(summary.sloAttainment === undefined
      ? []
      : [["within the SLO", `${(summary.sloAttainment * 100).toFixed(1)} %`] satisfies [string, string]]),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(`${model} under load`)}</title>
<style>${style}</style>
</head>
<body>
<h1>${escapeHtml(model)} under load</h1>
<p>${escapeHtml(`${url} · ${arrivals} · ${startedAt}`)}</p>
<dl>${facts.map(([name, value]) => `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd></div>`).join("")}</dl>
<div class="wide"><table>
<thead><tr><th scope="col">ms</th>${columns.map((name) => `<th scope="col">${name}</th>`).join("")}</tr></thead>
<tbody>${latencies(summary)
    .map(
      ([name, values]) =>
        `<tr><th scope="row">${name}</th>${columns.map((column) => `<td>${cell(values, column)}</td>`).join("")}</tr>`,
    )
    .join("")}</tbody>
</table></div>
<main>${requests.sent > 0 ? loadCharts(outcomes).map(svgChart).join("") : ""}</main>
<p>TTFT: first token − intended send. TBT: gap between parts of an answer. TPOT: (last − first token) / (output tokens − 1).
End to end: end − intended send. Send lag: what the load generator itself was late. Of answered requests alone.</p>
<details><summary>Settings</summary><pre>${escapeHtml(JSON.stringify(settings, null, 2))}</pre></details>
</body>
</html>
`;
}

const style = `
:root { color-scheme: light dark; --paper: #fbfaf8; --ink: #232220; --soft: #6a6761; --line: #dcd9d2; --first: #a04d24; --second: #2f6f9f; }
@media (prefers-color-scheme: dark) { :root { --paper: #181715; --ink: #e9e6e0; --soft: #a39e95; --line: #3b3834; --first: #e5935f; --second: #7db7e0; } }
body { margin: 0 auto; max-width: 72rem; padding: clamp(1rem, 4vw, 2.5rem); background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.5rem; overflow-wrap: anywhere; }
p, dt, small { color: var(--soft); }
dl { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; }
dd { margin: 0; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.3rem 0.9rem; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child { text-align: left; padding-left: 0; }
main { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1.5rem; margin: 2rem 0 1rem; }
figure { margin: 0; }
figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; font-weight: 600; }
small span { margin-left: 1rem; font-weight: 400; }
small i { display: inline-block; width: 0.8em; height: 0.2em; margin: 0 0.4em 0.25em 0; background: var(--series); }
svg { width: 100%; height: auto; }
svg text { fill: var(--soft); font-size: 12px; }
.series-0 { --series: var(--first); } .series-1 { --series: var(--second); }
path { fill: none; stroke: var(--series); stroke-width: 2; }
.dots { fill: var(--series); fill-opacity: 0.6; }
.grid { stroke: var(--line); }
pre { overflow-x: auto; }
`;
