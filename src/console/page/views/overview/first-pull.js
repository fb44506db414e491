import { h } from "../../dom.js";
import { panel } from "../../parts/pieces.js";

/**
 * What to do where nothing has been pulled yet.
 * @param {readonly string[]} addresses - Where pulls are served, `127.0.0.1:5000`.
 */
export function firstPull(addresses) {
  const address = reachable(addresses.find((one) => !one.startsWith("unix:")) ?? "127.0.0.1:5000");
  return panel(
    "Nothing has been pulled yet",
    { id: "first-title", className: "span-all first-pull" },
    h("p", {}, "Pull an image through the cache to see it here:"),
    h("pre", { tabindex: "0" }, h("code", {}, `docker pull ${address}/docker.io/library/alpine:3`)),
    h("p", {}, "The lines for the configuration of a client, and whether its pulls come through, are told by:"),
    h("pre", { tabindex: "0" }, h("code", {}, "entrepot doctor --client containerd")),
  );
}

/** The address under which this browser would reach a listener that may be bound to any or to loopback. @param {string} address */
function reachable(address) {
  const port = /:(\d+)$/.exec(address)?.[1] ?? "5000";
  return /^(?:127\.|0\.0\.0\.0|\[::1?\]|localhost)/.test(address) ? `${location.hostname}:${port}` : address;
}
