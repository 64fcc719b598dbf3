import { useRef, useState } from "preact/hooks";
import { type Endpoint, type RequestBody, streamAnswer } from "./api.js";
import { Figures } from "./figures.js";

export interface Status {
  readonly text: string;
  readonly failed: boolean;
}

export interface Answering {
  readonly busy: boolean;
  readonly status: Status;
  /** Streams one answer; `onText` gets each part. Resolves when it ended: whether it ended well, or was stopped. */
  readonly run: (endpoint: Endpoint, body: RequestBody, onText: (text: string) => void) => Promise<boolean>;
  readonly stop: () => void;
}

/** One answer at a time: its progress, and how to stop it. */
export function useAnswer(): Answering {
  const [busy, setBusy] = useState(false);
  const [status, setStatus] = useState<Status>({ text: "", failed: false });
  const running = useRef<AbortController>();

  async function run(endpoint: Endpoint, body: RequestBody, onText: (text: string) => void): Promise<boolean> {
    // The page draws the seed, so that it can show it: entered in the settings, it gives the same text again.
    const seed = Number(body["seed"] ?? crypto.getRandomValues(new Uint32Array(1))[0]);
    const figures = new Figures(seed);
    const { signal } = (running.current = new AbortController());
    let failed = false;
    setBusy(true);
    setStatus({ text: "waiting for the first token …", failed: false });
    try {
      for await (const part of streamAnswer(endpoint, { ...body, seed }, signal)) {
        figures.add(part);
        if (part.text === "" && part.tokens === undefined) continue;
        onText(part.text);
        setStatus({ text: figures.text(), failed: false });
      }
    } catch (error) {
      failed = !signal.aborted;
      setStatus({ text: failed ? (error as Error).message : `stopped · ${figures.text()}`, failed });
    }
    setBusy(false);
    return !failed;
  }

  return { busy, status, run, stop: () => running.current?.abort() };
}
