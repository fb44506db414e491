/**
 * The address of the web page with the admin token in its fragment, which browsers send to nobody; undefined where the admin
 * listener is a unix socket alone.
 * @param adminAddresses - `host:port` or `unix:/path`.
 */
export function pageLink(
  adminAddresses: readonly string[],
  token: string,
  scheme: "http" | "https" = "http",
): string | undefined {
  const address = adminAddresses.find((one) => !one.startsWith("unix:") && !one.startsWith("fd:"));
  if (address === undefined) return undefined;
  // What listens on every address is reached on this machine's own.
  const reachable = address.replace(/^0\.0\.0\.0:/, "127.0.0.1:").replace(/^\[::\]:/, "[::1]:");
  return `${scheme}://${reachable}/#token=${token}`;
}
