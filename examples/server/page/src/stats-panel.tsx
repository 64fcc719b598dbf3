import { Sparkline } from "./sparkline.js";
import { useStats } from "./use-stats.js";

/** What the server does, live. */
export function StatsPanel() {
  const { samples, connected } = useStats();
  return (
    <section class="stats" aria-label="Server">
      <h2>
        Server <span class={connected ? "live" : "lost"}>{connected ? "live" : "not connected"}</span>
      </h2>
      <div class="sparks">
        <Sparkline label="Written" values={samples.map(({ generatedPerSecond }) => generatedPerSecond)} format={rate} />
        <Sparkline label="Read" values={samples.map(({ promptPerSecond }) => promptPerSecond)} format={rate} />
        <Sparkline label="Running" values={samples.map(({ running }) => running)} format={whole} />
        <Sparkline label="Waiting" values={samples.map(({ waiting }) => waiting)} format={whole} />
        <Sparkline
          label="KV cache"
          values={samples.map(({ cacheUsed }) => cacheUsed * 100)}
          format={(value) => `${fine(value)} %`}
          top={10}
        />
        <Sparkline
          label="First token"
          values={samples.map(({ firstTokenMs }) => firstTokenMs)}
          format={(value) => `${fine(value)} ms`}
        />
      </div>
    </section>
  );
}

function rate(value: number): string {
  return `${whole(value)} tok/s`;
}

function fine(value: number): string {
  return value.toFixed(value > 0 && value < 10 ? 1 : 0);
}

function whole(value: number): string {
  return value.toFixed(0);
}
