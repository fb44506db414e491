import { BlockList, isIP, isIPv4, isIPv6 } from "node:net";

const blockedIPv4 = new BlockList();
for (const [network, prefix] of [
  ["0.0.0.0", 8], // unspecified, "this network" (RFC 1122)
  ["10.0.0.0", 8], // private (RFC 1918)
  ["100.64.0.0", 10], // carrier-grade NAT (RFC 6598)
  ["127.0.0.0", 8], // loopback
  ["169.254.0.0", 16], // link-local, cloud metadata (RFC 3927)
  ["172.16.0.0", 12],
  ["192.0.0.0", 24], // protocol assignments (RFC 6890)
  ["192.0.2.0", 24], // documentation (RFC 5737)
  ["192.168.0.0", 16],
  ["198.18.0.0", 15], // benchmarking (RFC 2544)
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4], // multicast
  ["240.0.0.0", 4], // reserved, broadcast
] as const) {
  blockedIPv4.addSubnet(network, prefix, "ipv4");
}

const blockedIPv6 = new BlockList();
for (const [network, prefix] of [
  ["::", 96], // unspecified, loopback, IPv4-compatible (RFC 4291)
  ["64:ff9b:1::", 48], // local NAT64 (RFC 8215)
  ["100::", 64], // discard (RFC 6666)
  ["2001::", 23], // Teredo and protocol assignments (RFC 6890)
  ["2001:db8::", 32], // documentation
  ["fc00::", 7], // unique local (RFC 4193)
  ["fe80::", 10], // link-local
  ["fec0::", 10], // site-local (RFC 3879)
  ["ff00::", 8], // multicast
] as const) {
  blockedIPv6.addSubnet(network, prefix, "ipv6");
}

/** Where an IPv6 address holds an IPv4 address: the leading groups, and the group at which it begins. */
const embeddings = [
  { groups: [0, 0, 0, 0, 0, 0xffff], at: 6 }, // IPv4-mapped (RFC 4291 section 2.5.5.2)
  { groups: [0, 0, 0, 0, 0xffff, 0], at: 6 }, // IPv4-translated (RFC 2765)
  { groups: [0x64, 0xff9b, 0, 0, 0, 0], at: 6 }, // NAT64 (RFC 6052)
  { groups: [0x2002], at: 1 }, // 6to4 (RFC 3056)
] as const;

/**
 * Whether an IP address is one that a host on the public internet can have: not private, loopback, link-local,
 * unique-local, carrier-grade NAT, multicast, reserved or unspecified, also where IPv6 wraps IPv4.
 * Anything that is no IP address is not public.
 */
export function isPublicAddress(address: string): boolean {
  const plain = address.split("%", 1)[0] ?? "";
  if (isIPv4(plain)) return !blockedIPv4.check(plain, "ipv4");
  if (!isIPv6(plain)) return false;
  const groups = groupsOf(plain);
  const embedding = embeddings.find((candidate) => candidate.groups.every((group, index) => groups[index] === group));
  if (embedding) return isPublicAddress(formatIPv4(groups[embedding.at] ?? 0, groups[embedding.at + 1] ?? 0));
  return !blockedIPv6.check(plain, "ipv6");
}

/** Whether a URL's host can be refused before any connection: a literal address that is not public, or localhost. */
export function isRefusedHost(hostname: string): boolean {
  const bare = hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  if (isIP(bare) !== 0) return !isPublicAddress(bare);
  return bare === "localhost" || bare.endsWith(".localhost");
}

/** The eight 16-bit groups of a valid IPv6 address. */
function groupsOf(address: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const text = dotted ? `${dotted[1] ?? ""}${hexPair(dotted[2], dotted[3])}:${hexPair(dotted[4], dotted[5])}` : address;
  const [head = "", tail] = text.split("::", 2);
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = new Array<string>(Math.max(0, 8 - before.length - after.length)).fill("0");
  return [...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16));
}

function hexPair(high: string | undefined, low: string | undefined): string {
  return (Number(high) * 256 + Number(low)).toString(16);
}

function formatIPv4(high: number, low: number): string {
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}
