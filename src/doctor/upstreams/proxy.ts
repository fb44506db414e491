/**
 * The proxy for a URL: the configured one, else that of HTTPS_PROXY or HTTP_PROXY unless NO_PROXY names the host.
 * @returns without user name and password
 */
export function proxyFor(url: URL, configured: string | undefined, environment: NodeJS.ProcessEnv): URL | undefined {
  const named = configured ?? (isExcepted(url, environment) ? undefined : fromEnvironment(url, environment));
  const proxy = named === undefined ? null : URL.parse(named);
  return proxy ? new URL(proxy.origin) : undefined;
}

function fromEnvironment(url: URL, environment: NodeJS.ProcessEnv): string | undefined {
  const http = environment["http_proxy"] ?? environment["HTTP_PROXY"];
  const https = environment["https_proxy"] ?? environment["HTTPS_PROXY"];
  return url.protocol === "https:" ? https : http;
}

/** `example.org`, `.example.org`, `*.example.org`, each with a port or without, or `*`. */
function isExcepted({ hostname, port, protocol }: URL, environment: NodeJS.ProcessEnv): boolean {
  const list = (environment["no_proxy"] ?? environment["NO_PROXY"] ?? "")
    .split(/[\s,]+/)
    .filter((entry) => entry !== "");
  const ownPort = port === "" ? (protocol === "https:" ? "443" : "80") : port;
  return list.some((entry) => {
    const [, name = "", only] = /^(.*?)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? [];
    if (only !== undefined && only !== ownPort) return false;
    const suffix = name.replace(/^\*/, "");
    return suffix.startsWith(".") ? hostname.endsWith(suffix) : suffix === "" || hostname === suffix;
  });
}
