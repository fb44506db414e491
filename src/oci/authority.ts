const hostPattern = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?)*$/;

/** A host name or IPv4 literal in lower case; undefined where it is outside the grammar. Underscores occur in practice. */
export function parseHost(text: string): string | undefined {
  const host = text.toLowerCase();
  return hostPattern.test(host) ? host : undefined;
}

/** `host` or `host:port` in lower case: what names an upstream. */
export function parseAuthority(text: string): string | undefined {
  const [, name, digits] = /^([^:]+)(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = parseHost(name ?? "");
  if (host === undefined || digits === undefined) return host;
  const port = Number(digits);
  return port >= 1 && port <= 65_535 ? `${host}:${port}` : undefined;
}
