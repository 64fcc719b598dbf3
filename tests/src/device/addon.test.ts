import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../..", import.meta.url));
let folder: string;

/** The package as it would stand without its addon. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whittle-addon-"));
  await cp(join(root, "packages", "kernels", "dist"), join(folder, "dist"), { recursive: true });
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function openingFails(): Promise<string> {
  const module = pathToFileURL(join(folder, "dist", "index.js")).href;
  const program = `import(${JSON.stringify(module)}).then(({ cpu }) => cpu()).catch((error) => console.log(error.code, error.message));`;
  const { stdout } = await promisify(execFile)(process.execPath, ["-e", program]);
  return stdout.trim();
}

const command = 'build the native addon with "npm explore @whittle/kernels -- npm run build:native"';

test("without an addon the error names the platform and the one command", async () => {
  expect(await openingFails()).toBe(
    `addon_missing @whittle/kernels: there is no native addon for ${process.platform} ${process.arch}; ${command}`,
  );
});

test("an addon that cannot be loaded is named with the reason", async () => {
  await mkdir(join(folder, "build", "Release"), { recursive: true });
  await writeFile(join(folder, "build", "Release", "whittle.node"), "no library");
  const message = await openingFails();
  expect(message).toMatch(/^addon_missing @whittle\/kernels: .*whittle\.node cannot be loaded \(.*\)/);
  expect(message.endsWith(command)).toBe(true);
});

test("the addon of another version is refused, not misread", async () => {
  await mkdir(join(folder, "build", "Release"), { recursive: true });
  await cp(
    join(root, "packages", "kernels", "build", "Release", "whittle.node"),
    join(folder, "build", "Release", "whittle.node"),
  );
  const file = join(folder, "dist", "index.js");
  const original = join(root, "packages", "kernels", "dist", "index.js");
  const code = await readFile(original, "utf8");
  const older = code.replace(/(expectedInterface = )\d+/, "$1 -1");
  expect(older).not.toBe(code);
  await writeFile(file, older);
  expect(await openingFails()).toMatch(/whittle\.node is of another version than this package; build the native addon/);
});
