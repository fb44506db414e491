import type { Client, Upstream } from "./upstream.ts";
import { believingRefusals } from "./view.ts";

/** Clients whose views are kept; one that comes back after that begins without its proven requests. */
const maxClients = 1000;

/** The views of clients, made when they are first needed. */
export function createClientViews(create: (client: Client) => Upstream): (client: Client) => Upstream {
  const views = new Map<string, Upstream>();
  return (client) => {
    const view = views.get(client.id) ?? believingRefusals(create(client));
    views.delete(client.id);
    views.set(client.id, view);
    if (views.size > maxClients) views.delete(views.keys().next().value ?? client.id);
    return view;
  };
}
