import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Siblings are tested from their sources: a test never sees a stale build. */
export const sharedTests = defineConfig({
  resolve: {
    alias: [
      {
        find: /^@whittle\/([a-z0-9-]+)$/,
        replacement: fileURLToPath(new URL("./packages/$1/src/index.ts", import.meta.url)),
      },
    ],
  },
  test: {
    include: ["**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**", "**/build/**"],
    testTimeout: 60_000,
  },
});
