import type { AccessMode } from "../../config/index.ts";
import { findingsOf, type Finding } from "../finding.ts";
import type { Address } from "./address.ts";
import type { Files } from "./files.ts";
import type { Probe } from "./probe.ts";

/** What is to be put where, so that a client pulls through entrepot. */
export interface Snippet {
  /** Of the file, on the client's machine. */
  path: string;
  text: string;
  /** For whom it is, and what must be done beside it. */
  says: string;
}

/** Which way the pulls of one registry's images go. */
export interface Route {
  registry: string;
  comesThrough: boolean;
  /** Why they do not; null where they do. */
  why: string | null;
}

export interface Reading {
  findings: Finding[];
  routes: Route[];
}

/** What is known of entrepot, and how to learn more. */
export interface ClientFacts {
  readonly address: Address;
  /** Names of the upstreams, in their order. */
  readonly upstreams: readonly string[];
  readonly defaultUpstream: string;
  readonly access: { readonly mode: AccessMode; readonly hasAnonymousRule: boolean };
  readonly files: Files;
  /** The home directory of whoever runs the client. */
  readonly home: string;
  readonly probe: Probe;
}

/** One family of clients: how it is told of entrepot, and what it has been told. */
export interface ClientKind {
  snippets(facts: Pick<ClientFacts, "address" | "upstreams">): Snippet[];
  read(facts: ClientFacts): Promise<Reading>;
}

export function through(registry: string): Route {
  return { registry, comesThrough: true, why: null };
}

export function past(registry: string, why: string): Route {
  return { registry, comesThrough: false, why };
}

/** The same for every registry, such as a file that the client does not start with. */
export function allPast({ upstreams }: Pick<ClientFacts, "upstreams">, finding: Finding): Reading {
  return { findings: [finding], routes: upstreams.map((registry) => past(registry, finding.says)) };
}

/** A line for each registry, or one for all where they go the same way. */
export function routeFindings(routes: readonly Route[], check: string): Finding[] {
  const [first] = routes;
  const isSame = first !== undefined && routes.length > 1 && routes.every(({ why }) => why === first.why);
  return (isSame ? [{ ...first, registry: "every registry" }] : routes).map(({ registry, comesThrough, why }) => {
    const { ok, failed } = findingsOf(registry);
    return comesThrough ? ok(check, "leads here") : failed(check, why ?? "");
  });
}

/** Why whoever shows no credentials gets nothing; undefined where that is not so. */
export function loginProblem({ access }: Pick<ClientFacts, "access">): string | undefined {
  if (access.mode !== "basic" || access.hasAnonymousRule) return undefined;
  return "entrepot answers 401 to clients without a password (access.mode: basic)";
}
