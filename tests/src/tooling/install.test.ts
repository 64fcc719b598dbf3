import { createRequire } from "node:module";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FixtureRepository } from "./fixture-repository.js";

const { isInstalled } = createRequire(import.meta.url)("../../../scripts/bootstrap/install.cjs") as {
  isInstalled: (root: string) => boolean;
};

let repository: FixtureRepository;

beforeEach(() => {
  repository = new FixtureRepository();
  repository.write("package-lock.json", {
    packages: {
      "": {},
      "packages/core": { version: "0.1.0" },
      "node_modules/@whittle/core": { link: true },
      "node_modules/tool": { version: "1.2.0" },
      "node_modules/tool-darwin": { version: "1.2.0", optional: true },
    },
  });
});

afterEach(() => repository.dispose());

function installed(packages: object): boolean {
  repository.write("node_modules/.package-lock.json", { packages });
  return isInstalled(repository.root);
}

const link = { "node_modules/@whittle/core": { link: true } };

test("what the lockfile asks for is there, but for another platform's packages", () => {
  expect(installed({ ...link, "node_modules/tool": { version: "1.2.0" } })).toBe(true);
});

test("a package is missing, has another version, or a new workspace is not linked", () => {
  expect(installed(link)).toBe(false);
  expect(installed({ ...link, "node_modules/tool": { version: "1.1.9" } })).toBe(false);
  expect(installed({ "node_modules/tool": { version: "1.2.0" } })).toBe(false);
});

test("nothing was ever installed", () => {
  repository.remove("node_modules");
  expect(isInstalled(repository.root)).toBe(false);
});
