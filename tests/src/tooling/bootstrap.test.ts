import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { parse } from "acorn";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FixtureRepository, repositoryRoot } from "./fixture-repository.js";

let repository: FixtureRepository;

beforeEach(() => {
  repository = new FixtureRepository();
  const build = `node -e "fs.mkdirSync('dist', { recursive: true }); fs.copyFileSync('src/index.ts', 'dist/main.js')"`;
  const native = `node -e "fs.mkdirSync('build/Release', { recursive: true }); fs.writeFileSync('build/Release/a.node', '')"`;
  const workspace = (folder: string, manifest: object): void => {
    repository.write(`${folder}/package.json`, manifest);
    repository.write(`${folder}/src/index.ts`, "console.log(process.argv.slice(2).join());");
  };
  repository.write("package.json", {
    workspaces: ["packages/*", "examples/*"],
    scripts: { lint: "node --version", typecheck: "node --version" },
  });
  workspace("packages/core", { name: "@whittle/core", scripts: { build } });
  workspace("packages/kernels", {
    name: "@whittle/kernels",
    scripts: { build: "exit 1", "build:js": build, "build:native": native },
    dependencies: { "@whittle/core": "0.1.0" },
  });
  repository.write("packages/kernels/src/cpu/add.cpp", "int a;");
  workspace("packages/models", { name: "@whittle/models", scripts: { build } });
  workspace("examples/server", {
    name: "@whittle/example-server",
    scripts: { build },
    dependencies: { "@whittle/kernels": "0.1.0" },
  });
});

afterEach(() => repository.dispose());

/** What a command of the bootstrap built, in order. */
function built(...args: string[]): string[] {
  const { status, output } = repository.run(["scripts/bootstrap.cjs", ...args]);
  expect(status, output).toBe(0);
  return [...output.matchAll(/\] Building @whittle\/(.*?) …/g)].map((match) => match[1]!);
}

test("is ECMAScript 5, so that a Node too old for Whittle can say so", () => {
  const scripts = path.join(repositoryRoot, "scripts");
  const parts = readdirSync(path.join(scripts, "bootstrap")).map((name) => path.join(scripts, "bootstrap", name));
  for (const file of [path.join(scripts, "bootstrap.cjs"), ...parts]) {
    expect(() => parse(readFileSync(file, "utf8"), { ecmaVersion: 5 }), file).not.toThrow();
  }
});

test("every workspace of this repository that has tests is tested", () => {
  const { read } = createRequire(import.meta.url)("../../../scripts/bootstrap/workspaces.cjs") as {
    read: (root: string) => { name: string; directory: string; manifest: { scripts?: { test?: string } } }[];
  };
  const untested = read(repositoryRoot).filter(({ directory, manifest }) => {
    const files = existsSync(path.join(directory, "src"))
      ? readdirSync(path.join(directory, "src"), { recursive: true })
      : [];
    return !manifest.scripts?.test && files.some((file) => String(file).endsWith(".test.ts"));
  });
  expect(untested.map(({ name }) => name)).toEqual([]);
});

describe("building", () => {
  const everything = ["core", "kernels (C++)", "kernels", "models", "example-server"];

  test("builds each workspace after those it needs, and nothing twice", () => {
    expect(built("build")).toEqual(everything);
    expect(built("build")).toEqual([]);
  });

  test("a changed source rebuilds its workspace and those above it", () => {
    built("build");
    repository.write("packages/core/src/index.ts", "console.log(2);");
    expect(built("build")).toEqual(["core", "kernels", "example-server"]);
  });

  test("a changed C++ source compiles, and builds no JavaScript", () => {
    built("build");
    repository.write("packages/kernels/src/cpu/add.cpp", "int b;");
    expect(built("build")).toEqual(["kernels (C++)"]);
  });

  test.each(["page/src/app.tsx", "page/src/style.css", "page/index.html", "page/public/icon.svg"])(
    "a changed part of the server's page rebuilds the server: %s",
    (file) => {
      built("build");
      repository.write(`examples/server/${file}`, "new");
      expect(built("build")).toEqual(["example-server"]);
    },
  );

  test("a changed test or text builds nothing", () => {
    built("build");
    repository.write("packages/core/src/index.test.ts", "1;");
    repository.write("packages/core/README.md", "# core");
    expect(built("build")).toEqual([]);
  });

  test("a build that was removed, or made by another way, is made again", () => {
    built("build");
    repository.remove("packages/kernels/build");
    repository.write("packages/models/dist/main.js", "older");
    expect(built("build")).toEqual(["kernels (C++)", "models"]);
  });

  test("a failing build shows what it printed and stops", () => {
    repository.write("packages/kernels/package.json", {
      name: "@whittle/kernels",
      scripts: { "build:native": `node -e "console.log('add.cpp:1: error'); process.exit(2)"` },
    });
    const { status, output } = repository.run(["scripts/bootstrap.cjs", "build"]);
    expect(status).toBe(1);
    expect(output).toContain("add.cpp:1: error");
    expect(output).not.toContain("example-server");
  });

  test("all missing tools are named at once, with the way to get them", () => {
    const bin = path.join(repository.root, "bin");
    mkdirSync(bin);
    symlinkSync(process.execPath, path.join(bin, "node"));
    const { status, output } = repository.run(["scripts/bootstrap.cjs", "build"], { PATH: bin });
    expect(status).toBe(1);
    for (const said of [/C\+\+20 compiler/, /make \(or ninja\)/, /CMake 3\.20/, /(apt-get|dnf) install|xcode-select/]) {
      expect(output).toMatch(said);
    }
  });
});

describe("start", () => {
  test("builds what the server needs and hands its arguments on", () => {
    const { status, output } = repository.run(["scripts/bootstrap.cjs", "start", "--port", "8123"]);
    expect(status, output).toBe(0);
    expect(output).not.toContain("models");
    expect(output.trimEnd().split("\n").at(-1)).toBe("--port,8123");
  });
});

describe("test", () => {
  /** Stands in for vitest: leaves the report that a workspace's `report.json` holds, and exits as it says. */
  const vitest = `
    import { existsSync, readFileSync, writeFileSync } from "node:fs";
    const target = process.argv.find((arg) => arg.startsWith("--outputFile.json=")).split("=")[1];
    const { exit, ...report } = existsSync("report.json") ? JSON.parse(readFileSync("report.json", "utf8")) : { exit: 0 };
    if ("numPassedTests" in report) writeFileSync(target, JSON.stringify(report));
    process.exitCode = exit;`;
  const report = (passed: number, failed: number, skipped: number, exit: number): object => ({
    numPassedTests: passed,
    numFailedTests: failed,
    numPendingTests: skipped,
    numTodoTests: 0,
    exit,
  });

  /** The exit code and last line of `npm test` where two workspaces end as told. */
  function sum(core: object, models: object): [number | null, string] {
    repository.write("node_modules/vitest/vitest.mjs", vitest);
    for (const [name, result] of Object.entries({ core, models })) {
      repository.write(`packages/${name}/package.json`, { name: `@whittle/${name}`, scripts: { test: "vitest run" } });
      repository.write(`packages/${name}/report.json`, result);
    }
    const { status, output } = repository.run(["scripts/bootstrap.cjs", "test"]);
    return [status, output.trimEnd().split("\n").at(-1)!];
  }

  test("sums lint, types and all suites", () => {
    expect(sum(report(3, 0, 1, 0), report(4, 0, 0, 0))).toEqual([0, "9 passed, 0 failed, 1 skipped"]);
  });

  test("a failed test fails the run", () => {
    expect(sum(report(3, 0, 0, 0), report(4, 2, 0, 1))).toEqual([1, "9 passed, 2 failed, 0 skipped"]);
  });

  test("a suite that crashed, that failed outside its tests, or that has no tests is a failure", () => {
    expect(sum(report(3, 0, 0, 0), { exit: 139 })).toEqual([1, "5 passed, 1 failed, 0 skipped"]);
    expect(sum(report(3, 0, 0, 0), report(4, 0, 0, 1))).toEqual([1, "9 passed, 1 failed, 0 skipped"]);
    expect(sum(report(3, 0, 0, 0), report(0, 0, 0, 0))).toEqual([1, "5 passed, 1 failed, 0 skipped"]);
  });

  test("a failed build is a failure", () => {
    repository.write("packages/core/package.json", { name: "@whittle/core", scripts: { build: "exit 1" } });
    const { status, output } = repository.run(["scripts/bootstrap.cjs", "test"]);
    expect(status).toBe(1);
    expect(output.trimEnd().split("\n").at(-1)).toBe("0 passed, 1 failed, 0 skipped");
  });
});
