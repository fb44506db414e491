import { stringify } from "smol-toml";
import { isTable, parseToml, type Table } from "./toml.ts";

/** Where containerd shall ask first. */
export interface MirrorHost {
  /** `http://127.0.0.1:5000`. */
  url: string;
  /** A duration as Go writes it; containerd before 2.1 does not know the key and passes over it. */
  dialTimeout: string;
}

/** The text with our host before all others; `already`: it is among them; `invalid`: containerd does not read it either. */
export type Merged = { outcome: "merged"; text: string } | { outcome: "already" } | { outcome: "invalid"; why: string };

/** A file with our host alone, below `head`. */
export function hostsToml(host: MirrorHost, head: Table = {}): string {
  return `${Object.keys(head).length > 0 ? `${stringify(head)}\n` : ""}${tableText(host)}`;
}

/**
 * Puts our host in front of those of a hosts.toml, since containerd asks them in the order of the text
 * (core/remotes/docker/config/hosts.go). All else stays as it is written, comments included, where that can be.
 */
export function mergeHosts(text: string, host: MirrorHost): Merged {
  const document = parseToml(text);
  if (!document) return { outcome: "invalid", why: "is not TOML: containerd passes over it" };
  const { host: hosts = {}, server } = document;
  if (!isTable(hosts)) return { outcome: "invalid", why: "has a `host` that is no table: containerd passes over it" };
  if ([...Object.keys(hosts), server].some((url) => isSameHost(url, host.url))) return { outcome: "already" };
  const wanted = { ...document, host: { [host.url]: optionsOf(host), ...hosts } };
  const inserted = insertions(text, tableText(host)).find((candidate) => says(candidate, wanted));
  return { outcome: "merged", text: inserted ?? stringify(wanted) };
}

/** A header of a table begins a line; so may an array within an array, which is why each place is tried. */
function insertions(text: string, table: string): string[] {
  const lines = text.matchAll(/^[ \t]*\[/gm);
  const places = [...lines].map(({ index }) => `${text.slice(0, index)}${table}\n${text.slice(index)}`);
  const separator = text === "" || text.endsWith("\n") ? "" : "\n";
  return [...places, `${text}${separator}${table}`];
}

function says(text: string, wanted: Table): boolean {
  const document = parseToml(text);
  if (!document) return false;
  const { host: hosts, ...others } = document;
  const { host: wantedHosts, ...wantedOthers } = wanted;
  // Compared as text, since the order of the hosts is what matters.
  return (
    JSON.stringify(hosts) === JSON.stringify(wantedHosts) && JSON.stringify(others) === JSON.stringify(wantedOthers)
  );
}

function optionsOf({ dialTimeout }: MirrorHost): Table {
  return { capabilities: ["pull", "resolve"], dial_timeout: dialTimeout };
}

function tableText(host: MirrorHost): string {
  return `[host.${JSON.stringify(host.url)}]\n${stringify(optionsOf(host)).replace(/^(?=.)/gm, "  ")}`;
}

function isSameHost(written: unknown, url: string): boolean {
  if (typeof written !== "string") return false;
  // Without a scheme containerd takes https.
  return URL.parse(written.startsWith("http") ? written : `https://${written}`)?.host === new URL(url).host;
}
