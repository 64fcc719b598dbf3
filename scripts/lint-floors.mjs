// Lints the floors: `node scripts/lint-floors.mjs [root]`.
import path from "node:path";
import { fileURLToPath } from "node:url";
import { floorProblems } from "./floor-problems.mjs";

const problems = floorProblems(path.resolve(process.argv[2] ?? fileURLToPath(new URL("..", import.meta.url))));
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
