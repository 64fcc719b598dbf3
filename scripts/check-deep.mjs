// `npm run check:deep`: what takes too long for every change. The C++ programs under sanitizers, on every instruction set
// of this machine and with more cases than `npm test` draws, then on processors that QEMU plays; a thousand worker threads ended at work; then the property
// tests, again and again with new seeds.
// Options: `--cases N` (per op; default 48), `--rounds N` (of the property tests; default 10).
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const require = createRequire(import.meta.url);
const { closure, read } = require("./bootstrap/workspaces.cjs");
const root = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({
  options: { cases: { type: "string", default: "48" }, rounds: { type: "string", default: "10" } },
});

const parts = [];
part("build", [path.join(root, "scripts", "bootstrap.cjs"), "build"], root);
part("sanitizers", ["packages/kernels/scripts/check-sanitize.cjs", "--deep", "--cases", values.cases], root);
part("other processors", ["packages/kernels/scripts/check-emulated.cjs", "--drawn"], root);
part("a thousand threads ended in the middle of their work", ["tests/src/device/scripts/terminates.mjs", "1000"], root);
const rounds = Number(values.rounds);
const vitest = path.join(root, "node_modules", "vitest", "vitest.mjs");
for (const { name, directory } of closure(read(root), null)) {
  const files = propertyTests(directory);
  if (files.length > 0) part(`${name}: property tests, ${rounds} rounds`, [vitest, "run", ...files], directory, rounds);
}
run();

/** Something to be done, `times` times over. */
function part(title, args, cwd, times = 1) {
  parts.push({ title, args, cwd, times });
}

/** All parts, also after one failed: a run takes long, and the others' findings should not wait for the next. */
function run() {
  const started = Date.now();
  const done = [];
  for (const [index, { title, args, cwd, times }] of parts.entries()) {
    console.log(`\n[${index + 1}/${parts.length}] ${title} (after ${minutes(Date.now() - started)})`);
    const from = Date.now();
    let failed = 0;
    for (let round = 1; round <= times; round++) {
      if (times > 1) console.log(`round ${round} of ${times}`);
      const { status, error } = spawnSync(process.execPath, args, { cwd, stdio: "inherit" });
      if (error) throw error;
      if (status !== 0) failed++;
    }
    done.push({ title, failed, time: Date.now() - from });
    if (index === 0 && failed > 0) break; // nothing else can run without a build
  }
  console.log(`\ncheck:deep, ${minutes(Date.now() - started)} in all`);
  for (const { title, failed, time } of done)
    console.log(`${failed > 0 ? "FAILED" : "ok    "} ${minutes(time).padStart(9)}  ${title}`);
  const failures = done.filter(({ failed }) => failed > 0);
  console.log(failures.length === 0 ? "found nothing" : `failed: ${failures.map(({ title }) => title).join(", ")}`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

function minutes(ms) {
  return `${(ms / 60_000).toFixed(1)} min`;
}

/** The tests of a workspace that draw their cases with fast-check, a new seed at each run. */
function propertyTests(directory) {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(directory, entry.name);
    if (entry.isDirectory()) return ["node_modules", "dist", "build"].includes(entry.name) ? [] : propertyTests(file);
    return entry.name.endsWith(".test.ts") && readFileSync(file, "utf8").includes('from "fast-check"') ? [file] : [];
  });
}
