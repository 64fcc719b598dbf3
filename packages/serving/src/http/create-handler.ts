import { type Context, Hono } from "hono";
import { type Engine } from "../engine.js";
import { ApiError, toApiError } from "./api-error.js";
import { chatCompletions } from "./chat-completions.js";
import { completions } from "./completions.js";
import { readJson } from "./read-json.js";
import { type RequestContext } from "./request-context.js";
import { ServedModels } from "./served-models.js";

/** Answers one HTTP request. Mounts wherever a standard `fetch` handler does. */
export type Handler = (request: Request) => Promise<Response>;

export interface HandlerOptions {
  /** Further names of models: alias → name. Default: none. */
  aliases?: Readonly<Record<string, string>>;
  /** Longest body, in bytes. Default: 1 MiB. */
  bodyLimitBytes?: number;
  /** Told of errors that are the server's own (status 500 and above). Default: nobody is. */
  onError?: (error: unknown) => void;
}

type Endpoint = (body: Record<string, unknown>, context: RequestContext) => Promise<Response>;

const endpoints: Readonly<Record<string, Endpoint>> = {
  "/v1/completions": completions,
  "/v1/chat/completions": chatCompletions,
};

/**
 * The OpenAI-compatible API over one engine or several.
 * @throws ArgumentError if two engines have one name.
 */
export function createHandler(engines: Engine | readonly Engine[], options: HandlerOptions = {}): Handler {
  const { aliases, bodyLimitBytes = 2 ** 20, onError = () => undefined } = options;
  const models = new ServedModels([engines].flat(), aliases);
  const app = new Hono();

  for (const [path, endpoint] of Object.entries(endpoints)) {
    app.post(path, async ({ req }) => {
      const { raw } = req;
      return endpoint(await readJson(raw, bodyLimitBytes), { models, signal: raw.signal, onError });
    });
    app.all(path, notAllowed("POST"));
  }
  const gets: Readonly<Record<string, (context: Context) => Response>> = {
    "/v1/models": () => Response.json({ object: "list", data: models.list() }),
    "/v1/models/:model{.+}": ({ req }) => Response.json(models.describe(req.param("model") ?? "")),
    "/health/live": () => Response.json({ status: "live" }),
    "/health/ready": () => {
      const ready = models.engines.every((engine) => engine.accepting);
      return Response.json({ status: ready ? "ready" : "not ready" }, { status: ready ? 200 : 503 });
    },
  };
  for (const [path, answer] of Object.entries(gets)) {
    app.get(path, answer);
    app.all(path, notAllowed("GET, HEAD"));
  }
  app.notFound(({ req }) =>
    new ApiError(404, "not_found", `there is no ${req.method} ${req.path.slice(0, 200)}`).toResponse(),
  );
  app.onError((error) => {
    const apiError = toApiError(error);
    if (apiError.status >= 500) onError(error);
    return apiError.toResponse();
  });
  return async (request) => app.fetch(request);
}

function notAllowed(allow: string): (context: Context) => Response {
  return ({ req }) =>
    new ApiError(405, "method_not_allowed", `${req.path.slice(0, 200)} takes ${allow}, but ${req.method} came`, {
      headers: { allow },
    }).toResponse();
}
