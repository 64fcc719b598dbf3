// `npm run bench -- compare`: Whittle's `cpu()` beside its peers on the same GGUF files of random weights, each in a process of its own, by turns.
// Options: --shapes A,B, --formats f32,f16,q8_0,q4_0, --peers A,B (default: all that can run here), --figures prefill,decode,batch,rows,first-token, --rounds N (default 3), --threads N (Whittle's; default: as `cpu()`),
// --missing (only what bench/results/compare.json does not have yet).
import { parseArgs } from "node:util";
import { cpuInfo } from "@whittle/kernels";
import { fileOf } from "./compare/files.js";
import { measurePoint } from "./compare/measure-point.js";
import { peers } from "./compare/peers.js";
import { realTimeLauncher } from "./compare/peers/real-time-launcher.js";
import { type FigureName, figures, type Format, formats } from "./compare/plan.js";
import { type Point } from "./compare/point.js";
import { printPoint } from "./compare/print-point.js";
import { readPoints, withPoint } from "./compare/stored-points.js";
import { thisMachine } from "./shared/machine.js";
import { type ShapeName, shapes } from "./shared/random-checkpoint.js";
import { writeResults } from "./shared/results.js";

const { values: options } = parseArgs({
  options: {
    shapes: { type: "string", default: Object.keys(shapes).join(",") },
    formats: { type: "string", default: formats.join(",") },
    figures: { type: "string", default: figures.join(",") },
    peers: { type: "string", default: peers.map(({ name }) => name).join(",") },
    rounds: { type: "string", default: "3" },
    threads: { type: "string" },
    missing: { type: "boolean", default: false },
  },
});
const chosen = {
  shapes: listed("shapes", options.shapes, Object.keys(shapes) as ShapeName[]),
  formats: listed("formats", options.formats, formats),
  figures: listed("figures", options.figures, figures),
  peers: listed(
    "peers",
    options.peers,
    peers.map(({ name }) => name),
  ),
};
const threads = Number(options.threads ?? cpuInfo().threads);
const rounds = Number(options.rounds);

const machine = thisMachine();
const isa = cpuInfo().isa;
console.log(
  `${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Node ${machine.node}; Whittle: ${isa}, ${threads} threads; medians of ${rounds}`,
);
const ready = peers.filter((peer) => {
  if (!chosen.peers.includes(peer.name)) return false;
  const missing = peer.prepare();
  console.log(`${peer.name}: ${missing ?? "its fastest way at each point"}`);
  return missing === undefined;
});
console.log(
  realTimeLauncher().length > 0
    ? "Peers run in the real-time class\n"
    : "Peers run in the ordinary class, where their threads may stall: chrt is not allowed here\n",
);
let points: Point[] = readPoints();
for (const shape of chosen.shapes) {
  for (const format of chosen.formats) {
    const wanted = chosen.figures.filter((name) => !options.missing || !has(shape, format, name));
    if (wanted.length > 0) await measure(shape, format, wanted);
  }
}

async function measure(shape: ShapeName, format: Format, wanted: readonly FigureName[]): Promise<void> {
  const start = performance.now();
  const seconds = () => ((performance.now() - start) / 1e3).toFixed(0).padStart(4);
  console.log(`${shape} ${format}: ${wanted.join(", ")}`);
  const file = await fileOf(shape, format);
  console.log(`${seconds()} s  file`);
  const onFigure = (name: FigureName) => console.log(`${seconds()} s  ${name}`);
  const point = await measurePoint({ file, shape, format, figures: wanted, peers: ready, rounds, threads, onFigure });
  printPoint(point);
  points = withPoint(points, point);
  writeResults("compare", { machine, isa, threads, points });
}

function has(shape: ShapeName, format: Format, figure: FigureName): boolean {
  return points.some((point) => point.shape === shape && point.format === format && figure in point.figures);
}

function listed<T extends string>(name: string, text: string, known: readonly T[]): T[] {
  return text.split(",").map((item) => {
    if (!known.includes(item as T)) throw new Error(`--${name} takes ${known.join(", ")}, but got ${item}`);
    return item as T;
  });
}
