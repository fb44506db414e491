/** `localhost`, a name under it (RFC 6761 section 6.3), 127.0.0.0/8 or ::1, with any port or none. */
export function isLoopbackHost(host: string | undefined): boolean {
  const name = /^(\[[^\]]*\]|[^:]*)(?::\d{1,5})?$/.exec(host ?? "")?.[1]?.toLowerCase() ?? "";
  return name === "[::1]" || /^(?:[a-z0-9-]+\.)*localhost\.?$/.test(name) || /^127(?:\.\d{1,3}){3}$/.test(name);
}
