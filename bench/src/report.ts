// `npm run bench -- report`: one page, bench/results/report.html, of what `compare` and `kernels` have measured: a roofline, bars beside the peer, tokens per second over rows.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { formats } from "./compare/plan.js";
import { type Point } from "./compare/point.js";
import { curves } from "./report/curves.js";
import { legend, page, type Section, table } from "./report/page.js";
import { peerColors, ratios } from "./report/ratios.js";
import { type KernelResults, roofKinds, roofline } from "./report/roofline.js";
import { type Machine } from "./shared/machine.js";
import { shapes } from "./shared/random-checkpoint.js";
import { readResults } from "./shared/results.js";

interface CompareResults {
  readonly machine: Machine;
  readonly isa: string;
  readonly threads: number;
  readonly points: readonly Point[];
}

const compared = readResults("compare") as CompareResults | undefined;
const kernels = readResults("kernels") as KernelResults | undefined;
if (!compared) throw new Error("run `npm run bench -- compare` first");
const { machine, isa, threads } = compared;
const order = Object.keys(shapes);
const points = [...compared.points].sort(
  (a, b) => order.indexOf(a.shape) - order.indexOf(b.shape) || formats.indexOf(a.format) - formats.indexOf(b.format),
);
const sections: Section[] = [];

const works = {
  prefill: ["Reading a prompt", "Tokens per second of a prompt of 512 tokens, to its first token."],
  decode: ["One sequence", "Tokens per second of one sequence after a short prompt."],
  batch: ["Eight sequences", "Tokens per second of eight sequences together."],
} as const;
for (const [figure, [title, text]] of Object.entries(works) as [keyof typeof works, readonly [string, string]][]) {
  if (points.some(({ figures }) => figures[figure]))
    sections.push({
      title,
      text: `${text} Bars: Whittle over each peer in its fastest way; beside them both rates. Red: the goal.`,
      body: `${legend(peerColors(points))}${ratios(points, figure)}`,
    });
}
if (points.some(({ figures }) => figures.rows))
  sections.push({
    title: "Many sequences",
    text: "Whittle's tokens per second, all sequences together: the weights are read once for all of them.",
    body: curves(points),
  });
if (kernels)
  sections.push({
    title: "Kernels below the machine's limits",
    text: "Each dot is a kernel at a shape of SmolLM-135M: its operations per byte from memory, and its speed. No kernel can be above the lines, but where a cache holds what it reads.",
    body: `${legend(roofKinds)}${roofline(kernels)}`,
  });
sections.push({
  title: "Fractions of the limit",
  text: "The least time that the machine's limits of the same run allow over the time taken; ours, then that of its peers in the order above.",
  body: table(
    ["", "prefill", "one", "eight", "read GB/s", "f32 GFLOP/s", "codes GOP/s", "first token ms", "peak MiB"],
    points.map(({ shape, format, figures, limits }) => {
      const both = (name: keyof typeof works) => {
        const versus = figures[name];
        return versus ? [versus.whittle, ...versus.peers].map(({ fraction }) => fraction.toFixed(2)).join(" : ") : "";
      };
      const fresh = figures["first-token"];
      const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(0);
      return [
        `${shape} ${format}`,
        both("prefill"),
        both("decode"),
        both("batch"),
        limits.readGBps.toFixed(1),
        limits.multiplyAddGflops.toFixed(0),
        limits.dotCodesGops.toFixed(0),
        fresh ? `${fresh.whittle.firstTokenMs.toFixed(0)} : ${fresh.peer.firstTokenMs.toFixed(0)}` : "",
        fresh ? `${mib(fresh.whittle.peakBytes)} : ${mib(fresh.peer.peakBytes)}` : "",
      ];
    }),
  ),
});

const lead = `Random weights at the shapes of real models, the same GGUF file for all. ${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Node ${machine.node}; Whittle: ${isa}, ${threads} threads; ${machine.date.slice(0, 10)}.`;
const file = fileURLToPath(new URL("../results/report.html", import.meta.url));
writeFileSync(file, page("Whittle on the CPU, beside its peers", lead, sections));
console.log(`Written to ${file}`);
