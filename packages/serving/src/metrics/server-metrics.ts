import { Counter, Registry } from "prom-client";
import { type Engine } from "../engine.js";
import { EngineMetrics } from "./engine-metrics.js";

/**
 * What `/metrics` says, in Prometheus's text format: each metric of the engines by our name (`whittle:num_requests_running`) and by vLLM's (`vllm:…`), which routers and dashboards ask for.
 */
export class ServerMetrics {
  private readonly shared = new Registry();
  private readonly own = new Registry();
  private readonly engines: EngineMetrics;
  private readonly requests = new Counter({
    name: "whittle:http_requests_total",
    help: "Requests that were answered, by route and status.",
    labelNames: ["route", "status"],
    registers: [this.own],
  });

  constructor(engines: readonly Engine[]) {
    this.engines = new EngineMetrics(this.shared, engines);
  }

  get contentType(): string {
    return this.shared.contentType;
  }

  /** `route` must be one of few. */
  answered(route: string, status: number): void {
    this.requests.inc({ route, status: String(status) });
  }

  async text(): Promise<string> {
    this.engines.collect();
    const [shared, own] = [await this.shared.metrics(), await this.own.metrics()];
    return `${shared}\n${shared.replaceAll(/^(# HELP |# TYPE |)whittle:/gm, "$1vllm:")}\n${own}`;
  }

  close(): void {
    this.engines.close();
  }
}
