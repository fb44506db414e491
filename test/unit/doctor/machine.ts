import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import type { ClientFacts } from "../../../src/doctor/clients/client.ts";
import { filesBelow } from "../../../src/doctor/clients/files.ts";
import { clientKinds, type ClientName } from "../../../src/doctor/clients/kinds.ts";
import type { Place } from "../../../src/doctor/clients/probe.ts";

/** The machine of a client: its files by their paths; a path that ends in `/` is an empty directory. */
export type MachineFiles = Readonly<Record<string, string>>;

export function machineRoot(files: MachineFiles): string {
  const root = mkdtempSync(join(tmpdir(), "entrepot-machine-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(path.endsWith("/") ? join(root, path) : dirname(join(root, path)), { recursive: true });
    if (!path.endsWith("/")) writeFileSync(join(root, path), text);
  }
  return root;
}

/** entrepot at `cache:5000` in plain http and at `secure:443` in https; a web server at `web:80`; nothing anywhere else. */
const places: Readonly<Record<string, Place>> = {
  "http://cache:5000": { kind: "entrepot", isTrusted: true },
  "https://cache:5000": { kind: "other-scheme" },
  "http://127.0.0.1:5000": { kind: "entrepot", isTrusted: true },
  "https://127.0.0.1:5000": { kind: "other-scheme" },
  "https://secure": { kind: "entrepot", isTrusted: false },
  "http://secure": { kind: "other-scheme" },
  "http://web": { kind: "stranger", says: "something else answers there, with status 200" },
};

export function factsOf(files: MachineFiles, given: Partial<ClientFacts> = {}): ClientFacts {
  return {
    address: { scheme: "http", authority: "cache:5000" },
    upstreams: ["docker.io", "ghcr.io"],
    defaultUpstream: "docker.io",
    access: { mode: "open", hasAnonymousRule: false },
    files: filesBelow(machineRoot(files)),
    home: "/home/somebody",
    probe: ({ scheme, authority }) =>
      Promise.resolve(
        places[`${scheme}://${authority}`] ?? { kind: "nobody", says: "nothing answers there (ECONNREFUSED)" },
      ),
    ...given,
  };
}

/** By registry: true where its pulls come through, else why not. */
export async function routesOf(
  client: ClientName,
  files: MachineFiles,
  given: Partial<ClientFacts> = {},
): Promise<Record<string, true | string>> {
  const { routes } = await clientKinds[client].read(factsOf(files, given));
  return Object.fromEntries(routes.map(({ registry, why }) => [registry, why ?? true]));
}

/** What a person does who follows the instructions. */
export function filesOfSnippets(client: ClientName, given: Partial<ClientFacts> = {}): MachineFiles {
  return Object.fromEntries(clientKinds[client].snippets(factsOf({}, given)).map(({ path, text }) => [path, text]));
}
