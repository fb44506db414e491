/** Whether a URL is at a host as the configuration writes it: any port, or the one that is named. */
export function isHost(url: URL, host: string): boolean {
  const wanted = host.toLowerCase();
  return url.hostname === wanted || url.host === wanted || `${url.hostname}:${portOf(url)}` === wanted;
}

function portOf(url: URL): string {
  return url.port || (url.protocol === "https:" ? "443" : "80");
}
