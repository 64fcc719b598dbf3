import { Access, type AccessOptions } from "./access.js";
import { toApiError } from "./api-error.js";
import { type Handler } from "./create-handler.js";

/**
 * Has a handler answer only who may ask, by the rules of `createHandler`: for what a program serves beside the API. Others get its errors (401, 403).
 * @throws ArgumentError if a key is empty or an origin is none
 * @example
 * ```ts
 * const server = await listen({ handler: withAccess((request) => app.fetch(request)) });
 * ```
 */
export function withAccess(handler: Handler, options: AccessOptions = {}): Handler {
  const access = new Access(options);
  return async (request) => {
    const response = refusal(access, request) ?? access.preflight(request) ?? (await handler(request));
    for (const [name, value] of Object.entries(access.corsHeaders(request))) response.headers.set(name, value);
    return response;
  };
}

function refusal(access: Access, request: Request): Response | undefined {
  try {
    access.check(request);
    return undefined;
  } catch (error) {
    return toApiError(error).toResponse();
  }
}
