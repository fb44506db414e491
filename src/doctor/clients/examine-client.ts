import { homedir } from "node:os";
import type { Settings } from "../../config/index.ts";
import { findingsOf, type Finding } from "../finding.ts";
import { lastRequestOf, type Readings } from "../instance/readings.ts";
import { addressOf } from "./address.ts";
import type { Route, Snippet } from "./client.ts";
import { FileUnreadable, filesBelow } from "./files.ts";
import { clientKinds, type ClientName } from "./kinds.ts";
import { probe } from "./probe.ts";

/** What `entrepot doctor --client` says. */
export interface ClientReport {
  client: ClientName;
  /** Where the client is to reach entrepot: `http://127.0.0.1:5000`. */
  address: string;
  /** `partly`: the pulls of some registries. */
  comesThrough: "yes" | "partly" | "no";
  registries: Route[];
  snippets: Snippet[];
  findings: Finding[];
}

export interface ClientOptions {
  settings: Settings;
  client: ClientName;
  /** `cache:5000`: how the client reaches entrepot; by default by the first of `listen`. */
  host?: string | undefined;
  /** Where the `/` of the client's machine is here. */
  root: string;
  /** The metrics of the running instance; undefined where none answers. */
  readings: () => Promise<Readings | undefined>;
  now: number;
}

/** The snippet for a client, and whether its pulls come through as it is configured. @throws AddressUnknown */
export async function examineClient(options: ClientOptions): Promise<ClientReport> {
  const { settings, client, host, root } = options;
  const address = addressOf(settings.listen, host, settings.tls ? "https" : "http");
  const kind = clientKinds[client];
  const facts = {
    address,
    upstreams: settings.upstreams.map(({ name }) => name),
    defaultUpstream: settings.defaultUpstream,
    access: { mode: settings.access.mode, hasAnonymousRule: hasAnonymousRule(settings) },
    files: filesBelow(root),
    home: homedir(),
    probe,
  };
  const { findings, routes } = await kind.read(facts).catch((error: unknown) => {
    if (!(error instanceof FileUnreadable)) throw error;
    return { findings: [findingsOf(client).failed("configuration", error.message)], routes: [] };
  });
  const isSome = routes.some(({ comesThrough }) => comesThrough);
  return {
    client,
    address: `${address.scheme}://${address.authority}`,
    comesThrough: isSome ? (routes.every(({ comesThrough }) => comesThrough) ? "yes" : "partly") : "no",
    registries: routes,
    snippets: kind.snippets(facts),
    findings: [...findings, seenFinding(options, await options.readings())],
  };
}

/** Whether entrepot has seen this family of clients: the proof that a configuration does what it says. */
function seenFinding({ client, now }: ClientOptions, readings: Readings | undefined): Finding {
  const { ok, warning, skipped } = findingsOf("entrepot");
  if (!readings)
    return skipped("requests seen", "no running instance answers: whether it has seen this client is not known");
  const { families } = clientKinds[client];
  const last = Math.max(...families.map((family) => lastRequestOf(readings, family) ?? 0));
  const names = families.join(", ");
  if (last === 0) return warning("requests seen", `none of ${names} since the start`, "pull an image, and ask again");
  return ok("requests seen", `the last of ${names} ${Math.max(0, Math.round(now / 1000 - last))} s ago`);
}

function hasAnonymousRule({ access }: Settings): boolean {
  return access.rules?.some(({ user, allow }) => user === "anonymous" && allow.length > 0) ?? false;
}
