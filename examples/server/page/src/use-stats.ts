import { useEffect, useState } from "preact/hooks";
import { chartLength } from "./sparkline.js";

/** As the server sends it (`StatsSample` there). */
export interface Sample {
  readonly generatedPerSecond: number;
  readonly promptPerSecond: number;
  readonly running: number;
  readonly waiting: number;
  readonly cacheUsed: number;
  readonly firstTokenMs: number | null;
}

/** The server's last samples, oldest first. The browser itself comes back when the connection breaks. */
export function useStats(): { readonly samples: readonly Sample[]; readonly connected: boolean } {
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  const [connected, setConnected] = useState(false);
  useEffect(() => {
    const source = new EventSource("/page/stats");
    source.addEventListener("open", () => setConnected(true));
    source.addEventListener("error", () => setConnected(false));
    source.addEventListener("message", ({ data }) =>
      setSamples((before) => [...before, JSON.parse(data as string) as Sample].slice(-chartLength)),
    );
    return () => source.close();
  }, []);
  return { samples, connected };
}
