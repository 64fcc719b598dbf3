import { ArgumentError, type Logger, silent } from "@whittle/core";
import { type Context, Hono } from "hono";
import { type Engine } from "../engine.js";
import { Grammars } from "../grammar/grammars.js";
import { ServerMetrics } from "../metrics/server-metrics.js";
import { PromptEncoder } from "../prompt-encoder.js";
import { Access, type AccessOptions } from "./access.js";
import { ApiError, clientGone, toApiError } from "./api-error.js";
import { chatCompletions } from "./chat-completions.js";
import { completions } from "./completions.js";
import { embeddings } from "./embeddings.js";
import { readJson } from "./read-json.js";
import { type RequestContext } from "./request-context.js";
import { type PostRoute } from "./request-fields.js";
import { RequestLog, requestIdOf, watchEnd } from "./request-log.js";
import { ServedModels } from "./served-models.js";
import { detokenize, tokenize } from "./tokenize.js";

/** Answers one HTTP request. Mounts wherever a standard `fetch` handler does. */
export interface Handler {
  (request: Request): Promise<Response>;
}

/** A handler that has threads and listeners of its own, which a program that goes on may give back. */
export interface ApiHandler extends Handler {
  /** Ends its threads and hears the engines no more. The engines stay open. */
  close(): Promise<void>;
}

export interface HandlerOptions extends AccessOptions {
  /** Further names of models: alias → name. Default: none. */
  aliases?: Readonly<Record<string, string>>;
  /** Longest body, in bytes. Default: 1 MiB. */
  bodyLimitBytes?: number;
  /** Fields that are not known, or not supported, are as if they were not there, instead of an error. Default: false. */
  ignoreUnknownFields?: boolean;
  /** Is told of each request when it is over: route, status, duration, tokens; never what was asked or answered. Default: silent. */
  logger?: Logger;
  /** Milliseconds that a completion may take which brings no `timeout_ms` of its own, waiting included; then it is answered 504. Default: no limit. */
  timeoutMs?: number;
  /** Told of errors that are the server's own (status 500 and above, but for 504: time that ran out is no fault). Default: nobody is. */
  onError?: (error: unknown) => void;
}

type Endpoint = (body: Record<string, unknown>, context: RequestContext) => Promise<Response>;

const endpoints: Readonly<Record<PostRoute, Endpoint>> = {
  "/v1/completions": completions,
  "/v1/chat/completions": chatCompletions,
  "/v1/embeddings": embeddings,
  "/tokenize": tokenize,
  "/detokenize": detokenize,
};

/** Of whom a request is, while it is being answered. */
interface Asked {
  readonly log: RequestLog;
}

/**
 * The OpenAI-compatible API over one engine or several.
 * @throws ArgumentError if two engines have one name, or an option is none.
 */
export function createHandler(engines: Engine | readonly Engine[], options: HandlerOptions = {}): ApiHandler {
  const {
    aliases = {},
    bodyLimitBytes = 2 ** 20,
    ignoreUnknownFields = false,
    logger = silent,
    timeoutMs,
    onError = () => undefined,
  } = options;
  if (timeoutMs !== undefined && !(Number.isSafeInteger(timeoutMs) && timeoutMs > 0))
    throw new ArgumentError(`createHandler: timeoutMs must be a whole number above 0, but is ${timeoutMs}`);
  const access = new Access(options);
  const services = { prompts: new PromptEncoder(), grammars: new Grammars() };
  const models = new ServedModels([engines].flat(), aliases, services);
  for (const { model } of models.engines) services.prompts.prepare(model);
  const metrics = new ServerMetrics(models.engines);
  const app = new Hono<{ Bindings: Asked }>();

  for (const [path, endpoint] of Object.entries(endpoints)) {
    app.post(path, async ({ req, env: { log } }) => {
      const { raw } = req;
      const context: RequestContext = {
        requestId: log.requestId,
        arrivalMs: performance.now(),
        models,
        signal: raw.signal,
        ignoreUnknownFields,
        timeoutMs,
        note: (fields) => log.note(fields),
        onError,
      };
      return endpoint(await readJson(raw, bodyLimitBytes), context);
    });
    app.all(path, notAllowed("POST"));
  }
  const gets: Readonly<Record<string, (context: Context) => Response | Promise<Response>>> = {
    "/v1/models": () => Response.json({ object: "list", data: models.list() }),
    "/v1/models/:model{.+}": ({ req }) => Response.json(models.describe(req.param("model") ?? "")),
    "/metrics": async () => new Response(await metrics.text(), { headers: { "content-type": metrics.contentType } }),
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
  app.onError((error, { env: { log }, req }) => {
    // Whatever went wrong, it was because the client left.
    const apiError = req.raw.signal.aborted ? clientGone() : toApiError(error);
    log.note({ error: apiError.code });
    if (apiError.isFault) onError(error);
    return apiError.toResponse();
  });

  const routes = new Set([...Object.keys(endpoints), ...Object.keys(gets)]);
  const answered = async (request: Request, log: RequestLog): Promise<Response> => {
    try {
      access.check(request);
      return access.preflight(request) ?? (await app.fetch(request, { log }));
    } catch (error) {
      const apiError = toApiError(error);
      log.note({ error: apiError.code });
      return apiError.toResponse();
    }
  };
  const handler = async (request: Request): Promise<Response> => {
    const requestId = requestIdOf(request);
    const log = new RequestLog(logger, request, requestId);
    const response = withHeaders(await answered(request, log), {
      "x-request-id": requestId,
      ...access.corsHeaders(request),
    });
    const { pathname } = new URL(request.url);
    metrics.answered(routes.has(pathname) ? pathname : "other", response.status);
    log.answered(response.status);
    const ended = (): void => log.ended();
    if (response.headers.get("content-type")?.startsWith("text/event-stream")) return watchEnd(response, ended);
    ended();
    return response;
  };
  return Object.assign(handler, {
    async close(): Promise<void> {
      metrics.close();
      await Promise.all([services.prompts.close(), services.grammars.close()]);
    },
  });
}

function withHeaders(response: Response, headers: Readonly<Record<string, string>>): Response {
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
  return response;
}

function notAllowed(allow: string): (context: Context) => Response {
  return ({ req }) =>
    new ApiError(405, "method_not_allowed", `${req.path.slice(0, 200)} takes ${allow}, but ${req.method} came`, {
      headers: { allow },
    }).toResponse();
}
