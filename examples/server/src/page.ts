import { readFileSync } from "node:fs";
import { Hono } from "hono";

const folder = new URL("../page/", import.meta.url);

const files = [
  { path: "/", file: "index.html", type: "text/html; charset=utf-8" },
  { path: "/style.css", file: "style.css", type: "text/css; charset=utf-8" },
  { path: "/main.js", file: "main.js", type: "text/javascript; charset=utf-8" },
  { path: "/completions.js", file: "completions.js", type: "text/javascript; charset=utf-8" },
  { path: "/icon.svg", file: "icon.svg", type: "image/svg+xml" },
];

const securityHeaders = {
  // Nothing but this server's own files and API.
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-cache",
};

/** The page and its files, as a `fetch` application. */
export function page(): Hono {
  const app = new Hono();
  for (const { path, file, type } of files) {
    const content = readFileSync(new URL(file, folder));
    app.get(path, () => new Response(content, { headers: { ...securityHeaders, "content-type": type } }));
  }
  return app;
}
