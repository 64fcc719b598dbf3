import { type Endpoint, type RequestBody } from "./api.js";

/** The request as a line for a shell. */
export function CurlLine({ endpoint, body }: { endpoint: Endpoint; body: RequestBody }) {
  // A quote inside of single quotes: end them, a quoted quote, begin again.
  const quoted = JSON.stringify({ ...body, stream: true }).replaceAll("'", `'"'"'`);
  return (
    <details class="curl">
      <summary>The same with curl</summary>
      <pre>{`curl -N ${location.origin}${endpoint} -H 'content-type: application/json' -d '${quoted}'`}</pre>
    </details>
  );
}
