import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FixtureRepository, repositoryRoot } from "./fixture-repository.js";

const { floorProblems } = (await import(path.join(repositoryRoot, "scripts", "floor-problems.mjs"))) as {
  floorProblems: (root: string) => string[];
};

let repository: FixtureRepository;

beforeEach(() => {
  repository = new FixtureRepository();
  repository.write("package.json", { workspaces: ["packages/*", "tests"], devDependencies: { vitest: "4" } });
  repository.write("packages/core/package.json", { name: "@whittle/core" });
  repository.write("packages/models/package.json", {
    name: "@whittle/models",
    dependencies: { "@whittle/core": "0.1.0" },
  });
  repository.write("packages/models/src/index.ts", `import { like } from "@whittle/core";`);
});

afterEach(() => repository.dispose());

/** What the lint says of the repository; nothing where it is content. */
function lint(): string {
  return floorProblems(repository.root).join("\n");
}

test("the command prints the problems and fails", () => {
  const script = path.join(repositoryRoot, "scripts", "lint-floors.mjs");
  expect(repository.run([script, repository.root])).toEqual({ status: 0, output: "" });
  repository.write("packages/models/src/bad.ts", `import { cpu } from "@whittle/kernels";`);
  expect(repository.run([script, repository.root])).toEqual({ status: 1, output: `${lint()}\n` });
});

test("a downward import is fine", () => {
  expect(lint()).toBe("");
});

test.each([
  [`import { cpu } from "@whittle/kernels";`, "not below @whittle/models"],
  [`export * from "@whittle/kvcache";`, "not below @whittle/models"],
  [`import type { Engine } from "@whittle/serving";`, "not below @whittle/models"],
  [`const late = await import("@whittle/kernels");`, "not below @whittle/models"],
  [`import { Pool } from "../../core/src/pool.js";`, "may not leave its package"],
  [`import { Pool } from "@whittle/core/dist/pool.js";`, "only the public face"],
  [`import { z } from "zod";`, "zod is not declared in packages/models/package.json"],
  [`import { test } from "vitest";`, "vitest is not declared"],
])("catches %s", (source, said) => {
  repository.write("packages/models/src/bad.ts", source);
  const problems = lint();
  expect(problems).toMatch(/^packages\/models\/src\/bad\.ts: imports /);
  expect(problems).toContain(said);
});

test("catches a dependency that points up, of developers too", () => {
  repository.write("packages/core/package.json", {
    name: "@whittle/core",
    devDependencies: { "@whittle/models": "0.1.0" },
  });
  expect(lint()).toMatch(/^packages\/core\/package\.json: .*may import nothing of ours/);
});

test("a package without a floor is told to take one", () => {
  repository.write("packages/magic/package.json", { name: "@whittle/magic" });
  expect(lint()).toContain("packages/magic: has no floor yet");
});

test("a test may use what developers install", () => {
  repository.write("packages/models/src/index.test.ts", `import { test } from "vitest";`);
  expect(lint()).toBe("");
});

test("a package of its own below a workspace is not the workspace's", () => {
  repository.write("tests/package.json", { name: "@whittle/tests" });
  repository.write("tests/clients/client.mjs", `import OpenAI from "openai";`);
  expect(lint()).toContain("openai is not declared in tests/package.json");
  repository.write("tests/clients/package.json", { name: "@whittle/test-clients" });
  expect(lint()).toBe("");
});
