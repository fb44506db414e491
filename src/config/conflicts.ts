import type { ConfigFault } from "./errors.ts";
import { formatListenAddress, listenersOverlap, type ListenAddress } from "./hosts.ts";
import { formatShare } from "./quantities.ts";
import type { Settings } from "./settings.ts";
import { suggest } from "./suggestion.ts";

/** Faults that only show when settings are looked at together: addresses and host names bound twice, watermarks the wrong way round, a default that is not there, pushes that nobody could make, parents that may not see what they would have to, an nginx that could not be known. */
export function findConflicts(settings: Settings): ConfigFault[] {
  return [
    ...listenConflicts(settings),
    ...hostnameConflicts(settings),
    ...watermarkConflict(settings),
    ...defaultUpstreamFault(settings),
    ...pushFaults(settings),
    ...parentFaults(settings),
    ...offloadFault(settings),
  ];
}

function listenConflicts(settings: Settings): ConfigFault[] {
  const bound: { path: string; address: ListenAddress }[] = [];
  const faults: ConfigFault[] = [];
  const bind = (path: string, addresses: readonly ListenAddress[]): void => {
    for (const address of addresses) {
      const other = bound.find((earlier) => listenersOverlap(earlier.address, address));
      if (other) faults.push({ path, message: `${formatListenAddress(address)} is taken by ${describe(other, path)}` });
      else bound.push({ path, address });
    }
  };
  if (settings.listen.length === 0) faults.push({ path: "listen", message: "an address at least is needed" });
  if (settings.admin.listen.length === 0)
    faults.push({ path: "admin.listen", message: "an address at least is needed" });
  bind("listen", settings.listen);
  bind("admin.listen", settings.admin.listen);
  bind("metrics.listen", settings.metrics.listen);
  for (const upstream of settings.upstreams) bind(`upstreams.${upstream.name}.listen`, upstream.listen);
  return faults;
}

function describe(other: { path: string; address: ListenAddress }, path: string): string {
  const where = other.path === path ? "the same list" : other.path;
  return `${where} (${formatListenAddress(other.address)})`;
}

function hostnameConflicts(settings: Settings): ConfigFault[] {
  const owners = new Map<string, string>();
  const faults: ConfigFault[] = [];
  for (const upstream of settings.upstreams) {
    for (const hostname of upstream.hostnames) {
      const owner = owners.get(hostname);
      if (owner === undefined) owners.set(hostname, upstream.name);
      else
        faults.push({
          path: `upstreams.${upstream.name}.hostnames`,
          message: `${hostname} is bound to ${owner} already`,
        });
    }
  }
  return faults;
}

/** Told at the low one, with both values: either may be the default of whoever has set the other. */
function watermarkConflict({ storage: { highWatermark, lowWatermark } }: Settings): ConfigFault[] {
  if (lowWatermark < highWatermark) return [];
  return [
    {
      path: "storage.lowWatermark",
      message: `must be below storage.highWatermark, which is ${formatShare(highWatermark)}, not ${formatShare(lowWatermark)}`,
    },
  ];
}

function defaultUpstreamFault({ defaultUpstream, upstreams }: Settings): ConfigFault[] {
  const names = upstreams.map((upstream) => upstream.name);
  if (names.includes(defaultUpstream)) return [];
  return [
    {
      path: "defaultUpstream",
      message: `${defaultUpstream} is not an enabled upstream${suggest(defaultUpstream, names)}`,
    },
  ];
}

/** Users of a file have a password for entrepot, which no upstream may see. */
function pushFaults({ access, upstreams }: Settings): ConfigFault[] {
  if (access.mode !== "basic") return [];
  return upstreams
    .filter(({ push }) => push === "passthrough")
    .map(({ name }) => ({
      path: `upstreams.${name}.push`,
      message: "passes on what clients have to show to the upstream, which they cannot with access.mode: basic",
    }));
}

/** What belongs to the registry must have a place to go to where only parent caches are configured. */
function parentFaults({ access, upstreams }: Settings): ConfigFault[] {
  return upstreams.flatMap(({ name, endpoints, push }) => {
    if (endpoints.some(({ parent }) => parent === undefined)) return [];
    const faults: ConfigFault[] = [];
    if (push === "passthrough") {
      const message = "goes to the registry itself, and every endpoint is a parent cache";
      faults.push({ path: `upstreams.${name}.push`, message });
    }
    if (access.mode === "upstream" && !endpoints.some(({ parent }) => parent?.isTrusted)) {
      const message =
        "with access.mode: upstream need the registry itself, or a parent cache with trusted: true, to show the credentials of clients to";
      faults.push({ path: `upstreams.${name}.endpoints`, message });
    }
    return faults;
  });
}

/** Only the nginx in front may be given the place of a file instead of its bytes. A socket that is handed over may be a unix socket. */
function offloadFault({ serve, trustedProxies, listen, upstreams }: Settings): ConfigFault[] {
  const listeners = [...listen, ...upstreams.flatMap((upstream) => upstream.listen)];
  const isKnown = trustedProxies.length > 0 || listeners.some(({ kind }) => kind !== "tcp");
  if (serve.offload === "none" || isKnown) return [];
  const message =
    "nginx needs the nginx in front to be known: list its address in trustedProxies (127.0.0.1 where it is on this machine), or listen on a unix socket for it";
  return [{ path: "serve.offload", message }];
}
