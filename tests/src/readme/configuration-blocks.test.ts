import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CodeBlock, codeBlocks } from "./code-blocks.js";
import { has } from "./shell-blocks.js";

// The configuration of other programs in docs/deployment.md, looked over by those programs.
const deployment = fileURLToPath(new URL("../../../docs/deployment.md", import.meta.url));
const [systemd, nginx] = [has("systemd-analyze"), has("nginx", "-v")];
if (!systemd) console.log("Skipped: the systemd unit of docs/deployment.md (systemd-analyze is not installed)");
if (!nginx) console.log("Skipped: the nginx site of docs/deployment.md (nginx is not installed)");

let blocks: CodeBlock[];
let folder: string;

beforeAll(async () => {
  blocks = codeBlocks(await readFile(deployment, "utf8"));
  folder = await mkdtemp(path.join(tmpdir(), "whittle-deployment-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

function blockOf(language: string): string {
  return blocks.find((block) => block.language === language)!.code;
}

test.skipIf(!systemd)("systemd knows what the unit says", async () => {
  // Where Node is differs, and the verifier wants the program to be there.
  const unit = blockOf("ini").replace("/usr/bin/node", process.execPath);
  const file = path.join(folder, "whittle.service");
  await writeFile(file, unit);
  const { stderr } = await promisify(execFile)("systemd-analyze", ["verify", file]);
  expect(stderr.split("\n").filter((line) => line.includes("whittle.service"))).toEqual([]);
});

test.skipIf(!nginx)("nginx takes the site", async () => {
  const file = path.join(folder, "nginx.conf");
  // Nothing of the machine's own nginx is touched.
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (of) => `${of}_temp_path ${folder}/${of};`,
  );
  const http = ["access_log off;", ...temporary, blockOf("nginx")].join("\n");
  await writeFile(file, `pid ${folder}/nginx.pid; error_log stderr; events {} http { ${http} }`);
  await promisify(execFile)("nginx", ["-t", "-c", file, "-p", folder]);
});

test("JSON is JSON", () => {
  expect(() => JSON.parse(blockOf("json")) as unknown).not.toThrow();
});
