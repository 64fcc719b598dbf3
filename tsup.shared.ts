import type { Options } from "tsup";

/** How every package is built: one ES module with its types. */
export const library: Options = {
  entry: ["src/index.ts"],
  format: ["esm"],
  target: "node20",
  platform: "node",
  sourcemap: true,
  clean: true,
  // TypeScript 6 calls the `baseUrl` that tsup passes deprecated.
  dts: { compilerOptions: { ignoreDeprecations: "6.0" } },
};

/** How an example is built: a program, so no types. */
export const program: Options = { ...library, entry: ["src/main.ts"], dts: false };
