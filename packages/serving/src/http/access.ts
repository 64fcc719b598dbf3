import { createHash, timingSafeEqual } from "node:crypto";
import { ArgumentError } from "@whittle/core";
import { ApiError } from "./api-error.js";

/** Who may ask. */
export interface AccessOptions {
  /** Keys of which a request must bring one (`Authorization: Bearer …`), but for `/health/*`. Default: none is asked for. */
  apiKeys?: readonly string[];
  /**
   * Names by which this server may be called (the `Host` of a request, without its port); `*` is any. IP addresses and `localhost` always may: a page elsewhere can point a name of
   * its own at this machine, but not an address. Default: no name besides.
   */
  allowedHosts?: readonly string[];
  /** Origins (`https://example.org`) whose pages may ask, with CORS headers for them; `*` is any. Default: none but pages of this server itself. */
  allowedOrigins?: readonly string[];
}

const METHODS = "GET, HEAD, POST, OPTIONS";
const EXPOSED = "x-request-id, retry-after";

/** Keeps out whoever brings no key, calls the server by a foreign name, or is a page from elsewhere. */
export class Access {
  private readonly keys: readonly Buffer[];
  private readonly hosts: ReadonlySet<string>;
  private readonly origins: ReadonlySet<string>;

  /** @throws ArgumentError if a key is empty or an origin is none */
  constructor({ apiKeys = [], allowedHosts = [], allowedOrigins = [] }: AccessOptions) {
    if (apiKeys.some((key) => key.trim() === "")) throw new ArgumentError("createHandler: an API key is empty");
    this.keys = apiKeys.map(digest);
    this.hosts = new Set(allowedHosts.map((host) => host.toLowerCase()));
    this.origins = new Set(allowedOrigins.map((origin) => (origin === "*" ? origin : originOf(origin))));
  }

  /** @throws ApiError 401, 403 */
  check(request: Request): void {
    const url = new URL(request.url);
    if (!this.isOurs(url.hostname)) {
      throw new ApiError(
        403,
        "host_not_allowed",
        `this server is not called "${url.hostname.slice(0, 100)}"; if it is, that name must be among its allowed hosts`,
      );
    }
    const origin = request.headers.get("origin");
    if (origin !== null && !isSameOrigin(origin, url) && !this.allows(origin)) {
      throw new ApiError(
        403,
        "origin_not_allowed",
        `pages of ${origin.slice(0, 100)} may not ask this server; if they may, that origin must be among its allowed origins`,
      );
    }
    if (request.method === "OPTIONS" || this.keys.length === 0 || url.pathname.startsWith("/health/")) return;
    if (!this.hasKey(request.headers.get("authorization"))) {
      throw new ApiError(401, "invalid_api_key", "the request brings no valid API key (Authorization: Bearer …)", {
        headers: { "www-authenticate": "Bearer" },
      });
    }
  }

  /** Headers that let an allowed page read the answer; none for everyone else. */
  corsHeaders(request: Request): Readonly<Record<string, string>> {
    const origin = request.headers.get("origin");
    if (origin === null || !this.allows(origin)) return {};
    return { "access-control-allow-origin": origin, "access-control-expose-headers": EXPOSED, vary: "origin" };
  }

  /** The answer to a browser that asks whether a page may ask; undefined if the request is none of that kind. */
  preflight(request: Request): Response | undefined {
    if (request.method !== "OPTIONS" || !request.headers.has("access-control-request-method")) return undefined;
    const headers = request.headers.get("access-control-request-headers");
    return new Response(null, {
      status: 204,
      headers: {
        "access-control-allow-methods": METHODS,
        ...(headers !== null && { "access-control-allow-headers": headers }),
        "access-control-max-age": "600",
      },
    });
  }

  private isOurs(hostname: string): boolean {
    const name = hostname.toLowerCase();
    const isAddress = name.startsWith("[") || /^\d+(\.\d+){3}$/.test(name);
    return isAddress || name === "localhost" || this.hosts.has(name) || this.hosts.has("*");
  }

  private allows(origin: string): boolean {
    return this.origins.has("*") || this.origins.has(origin.toLowerCase());
  }

  /** Compares with every key, in a time that tells nothing of them. */
  private hasKey(authorization: string | null): boolean {
    const given = digest(/^bearer\s+(.*)$/i.exec(authorization ?? "")?.[1]?.trim() ?? "");
    let found = false;
    for (const key of this.keys) found = timingSafeEqual(key, given) || found;
    return found;
  }
}

/** Behind a proxy that ends TLS, the page's scheme is not ours: names and ports must agree. */
function isSameOrigin(origin: string, { host }: URL): boolean {
  try {
    return new URL(origin).host === host;
  } catch {
    return false;
  }
}

function originOf(text: string): string {
  try {
    const { origin } = new URL(text);
    if (origin !== "null") return origin.toLowerCase();
  } catch {
    // Falls through to the error.
  }
  throw new ArgumentError(`createHandler: "${text}" is no origin such as https://example.org`);
}

function digest(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
