import { defineConfig } from "vite";

/** The page as static files beside the server's program. */
export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../dist/page",
    emptyOutDir: true,
    target: "es2022",
    // The content security policy allows files of this server alone: nothing inline.
    assetsInlineLimit: 0,
    modulePreload: false,
  },
});
