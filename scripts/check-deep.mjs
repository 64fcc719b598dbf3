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

run("build", [path.join(root, "scripts", "bootstrap.cjs"), "build"], root);
run("sanitizers", ["packages/kernels/scripts/check-sanitize.cjs", "--deep", "--cases", values.cases], root);
run("other processors", ["packages/kernels/scripts/check-emulated.cjs", "--drawn"], root);
run("a thousand threads ended in the middle of their work", ["tests/src/device/scripts/terminates.mjs", "1000"], root);
const vitest = path.join(root, "node_modules", "vitest", "vitest.mjs");
for (const { name, directory } of closure(read(root), null)) {
  const files = propertyTests(directory);
  for (let round = 1; files.length > 0 && round <= Number(values.rounds); round++) {
    run(`${name}: property tests, round ${round} of ${values.rounds}`, [vitest, "run", ...files], directory);
  }
}
console.log("check:deep found nothing");

function run(title, args, cwd) {
  console.log(`\n${title}`);
  const { status, error } = spawnSync(process.execPath, args, { cwd, stdio: "inherit" });
  if (error) throw error;
  if (status === 0) return;
  console.error(`check:deep: ${title} failed`);
  process.exit(1);
}

/** The tests of a workspace that draw their cases with fast-check, a new seed at each run. */
function propertyTests(directory) {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(directory, entry.name);
    if (entry.isDirectory()) return ["node_modules", "dist", "build"].includes(entry.name) ? [] : propertyTests(file);
    return entry.name.endsWith(".test.ts") && readFileSync(file, "utf8").includes('from "fast-check"') ? [file] : [];
  });
}
