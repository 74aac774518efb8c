import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';

/** Metrics of this process: a registry of its own, so that two applications in one process (tests) do not meet. */
export class Metrics {
  readonly registry = new Registry();
  private readonly duration = new Histogram({
    name: 'opni_http_request_duration_seconds',
    help: 'Duration of HTTP requests by route template.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 30],
    registers: [this.registry],
  });
  private collecting = false;

  observeRequest(method: string, route: string, status: number, seconds: number): void {
    this.duration.observe({ method, route, status: String(status) }, seconds);
  }

  /** Text exposition. Process metrics start with the first scrape: without one, nobody pays for them. */
  async expose(): Promise<string> {
    if (!this.collecting) {
      this.collecting = true;
      collectDefaultMetrics({ register: this.registry });
    }
    return this.registry.metrics();
  }
}
