import type { ServerTlsSettings, Settings, UpstreamEntry } from "./settings.ts";

/**
 * What holds after a reload: of `next` what can change while the server runs, of `current` the rest. Both are whole and checked.
 * What is built into parts that hold state, and what decides about stored content (`access.mode`), does not change.
 */
export function takeLiveSettings(current: Settings, next: Settings): Settings {
  const upstreams = current.upstreams.map((entry) => {
    const wanted = next.upstreams.find(({ name }) => name === entry.name);
    return wanted ? takeLiveUpstream(entry, wanted) : entry;
  });
  const isDefaultHere = upstreams.some(({ name }) => name === next.defaultUpstream);
  const hasSameMode = next.access.mode === current.access.mode;
  return Object.freeze({
    ...current,
    admin: { ...current.admin, tls: liveTls(current.admin.tls, next.admin.tls) },
    tls: liveTls(current.tls, next.tls),
    pins: next.pins,
    // Its directories are opened to nginx's group at the start.
    serve: { ...next.serve, offload: current.serve.offload },
    access: hasSameMode ? { ...current.access, rules: next.access.rules } : current.access,
    denyDigests: next.denyDigests,
    log: { ...current.log, level: next.log.level },
    offline: next.offline,
    defaultUpstream: isDefaultHere ? next.defaultUpstream : current.defaultUpstream,
    upstreams,
  });
}

/** Metrics know the hosts of its endpoints from the start, and a push takes the way that was built then. */
function takeLiveUpstream(entry: UpstreamEntry, wanted: UpstreamEntry): UpstreamEntry {
  const { tags, tagPatterns, allow, deny, hostnames } = wanted;
  const hasSameHosts = hostsOf(entry) === hostsOf(wanted);
  if (!hasSameHosts || entry.push === "passthrough") return { ...entry, tags, tagPatterns, allow, deny, hostnames };
  return { ...wanted, listen: entry.listen, push: entry.push };
}

function hostsOf({ endpoints }: UpstreamEntry): string {
  return endpoints.map(({ url }) => url).join(" ");
}

/** Other files, but not TLS where there was none, nor client certificates where they were not asked for. */
function liveTls(
  current: ServerTlsSettings | undefined,
  next: ServerTlsSettings | undefined,
): ServerTlsSettings | undefined {
  const canChange = current && next && (current.clientCaFile === undefined) === (next.clientCaFile === undefined);
  return canChange ? next : current;
}
