import type { Registry } from "prom-client";
import { deliveryResults, type DeliveryResult } from "./labels.ts";
import { createCounter } from "./series.ts";

export interface EventMetrics {
  /** What has become of events that a webhook was to be told of. */
  webhookDeliveries(result: DeliveryResult, count: number): void;
}

export function createEventMetrics(registry: Registry): EventMetrics {
  const deliveries = createCounter(registry, {
    name: "webhook_deliveries_total",
    help: "Events for webhooks, by what became of them; dropped: too many were waiting, or the server stopped.",
    labels: { result: deliveryResults },
  });
  return { webhookDeliveries: (result, count) => deliveries.inc({ result }, count) };
}
