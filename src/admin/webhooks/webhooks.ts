import type { Events } from "../../telemetry/index.ts";
import { Webhook, type WebhookPorts, type WebhookSettings } from "./webhook.ts";

/** Tells receivers of events, each by itself, until it is closed. */
export function startWebhooks(
  settings: readonly WebhookSettings[],
  { events, ...ports }: WebhookPorts & { events: Events },
): { close: () => Promise<void> } {
  const hooks = settings.map((hook, index) => new Webhook(`events.webhooks[${index}]`, hook, ports));
  const subscription = events.subscribe((event) => {
    for (const hook of hooks) hook.offer(event);
  });
  return {
    async close() {
      subscription.end();
      await Promise.all(hooks.map((hook) => hook.close()));
    },
  };
}
