import { type Clock } from "./clock.js";
import { type Outcome } from "./outcome.js";
import { type PlannedRequest } from "./planned-request.js";

/** Sends one request and says what became of it. Never throws. `intendedMs` is when it was to be sent. */
export type Send = (
  request: PlannedRequest,
  index: number,
  intendedMs: number,
  signal: AbortSignal,
) => Promise<Outcome>;

export interface LoadOptions {
  readonly requests: readonly PlannedRequest[];
  readonly send: Send;
  readonly clock: Clock;
  /** Sends no more and cuts off what is under way. */
  readonly signal: AbortSignal;
  readonly onOutcome?: (outcome: Outcome) => void;
}

/** Open loop: every request goes out at its time, however many are under way. What a slow server delays is in its latencies. */
export async function runOpenLoop({ requests, send, clock, signal, onOutcome }: LoadOptions): Promise<Outcome[]> {
  const beginning = clock.now();
  const sent: Promise<Outcome>[] = [];
  for (const [index, request] of requests.entries()) {
    const intendedMs = beginning + (request.atMs ?? 0);
    // A timer may be early by less than a millisecond.
    while (clock.now() < intendedMs && !signal.aborted) await clock.sleepUntil(intendedMs, signal);
    if (signal.aborted) break;
    sent.push(send(request, index, intendedMs, signal).then(noting(onOutcome)));
  }
  return Promise.all(sent);
}

/** Closed loop: `concurrency` clients, each of which sends its next request when its last one has ended. It cannot overload a server, so it says nothing about queues. */
export async function runClosedLoop(
  { requests, send, clock, signal, onOutcome }: LoadOptions,
  concurrency: number,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let next = 0;
  const client = async () => {
    while (next < requests.length && !signal.aborted) {
      const index = next++;
      outcomes[index] = await send(requests[index]!, index, clock.now(), signal).then(noting(onOutcome));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, client));
  return outcomes;
}

function noting(onOutcome: LoadOptions["onOutcome"]): (outcome: Outcome) => Outcome {
  return (outcome) => {
    onOutcome?.(outcome);
    return outcome;
  };
}
