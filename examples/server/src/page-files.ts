import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { Hono } from "hono";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

const securityHeaders = {
  // Nothing but this server's own files and API.
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-cache",
};

/** The files below a folder, read once, as a `fetch` application; `index.html` is `/`. What is not among them is not found. */
export function pageFiles(folder: string): Hono {
  const app = new Hono();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const content = readFileSync(file);
    const type = types[path.extname(file)] ?? "application/octet-stream";
    const address = `/${path.relative(folder, file).split(path.sep).join("/")}`;
    app.get(
      address === "/index.html" ? "/" : address,
      () => new Response(content, { headers: { ...securityHeaders, "content-type": type } }),
    );
  }
  return app;
}
