import type { IncomingMessage } from "node:http";
import { RegistryError } from "../oci/index.ts";
import type { Authenticator } from "./authenticator.ts";
import { parseAuthorization } from "./authorization-header.ts";
import { service, type Challenges } from "./challenges.ts";
import { anonymous, type ClientCredentials } from "./principal.ts";
import { parseScopes, type TokenScope } from "./scopes.ts";
import { tokenLifetimeSeconds, type TokenHolder, type Tokens } from "./tokens.ts";

const maxFormBytes = 8 * 1024;

/** The document of distribution's token specification; `access_token` is OAuth2's name of the same. */
export interface TokenDocument {
  token: string;
  access_token: string;
  /** Seconds. */
  expires_in: number;
  issued_at: string;
}

interface Grant {
  credentials: ClientCredentials | undefined;
  scopes: TokenScope[];
}

interface TokenServicePorts {
  authenticator: Authenticator;
  challenges: Challenges;
  tokens: Tokens;
  now: () => number;
}

/**
 * Our own token authority. A token names who asked, whatever scope was asked for: what that principal may pull is
 * decided at each request. For pushes it is good only where they were asked for; clients build the scope from the name
 * that they ask for, our prefix included.
 */
export class TokenService {
  readonly #ports: TokenServicePorts;

  constructor(ports: TokenServicePorts) {
    this.#ports = ports;
  }

  /**
   * A token for GET, anonymous or with Basic, and for OAuth2's POST with `grant_type=password`.
   * @throws RegistryError UNAUTHORIZED, DENIED, GRANT_INVALID, UNAVAILABLE
   */
  async answer(request: IncomingMessage): Promise<TokenDocument> {
    const { tokens, now } = this.#ports;
    const { credentials, scopes } = request.method === "POST" ? await readGrant(request) : this.#basic(request);
    const { principal, stamp } = await this.#holder(request, credentials);
    const token = tokens.issue({ principal: principal === anonymous ? anonymous : { ...principal, scopes }, stamp });
    const issuedAt = new Date(now()).toISOString();
    return { token, access_token: token, expires_in: tokenLifetimeSeconds, issued_at: issuedAt };
  }

  async #holder(request: IncomingMessage, credentials: ClientCredentials | undefined): Promise<TokenHolder> {
    const { authenticator, challenges } = this.#ports;
    if (!credentials) return { principal: anonymous, stamp: undefined };
    if (!challenges.isAllowed(request)) throw challenges.refusePlaintext();
    try {
      return await authenticator.hold(request, credentials);
    } catch (error) {
      if (!(error instanceof RegistryError) || error.code !== "UNAUTHORIZED") throw error;
      // Here the challenge is to try another password, not to come for a token.
      throw new RegistryError("UNAUTHORIZED", error.message, { challenge: `Basic realm="${service}"`, cause: error });
    }
  }

  #basic(request: IncomingMessage): Grant {
    const sent = parseAuthorization(request.headers.authorization);
    const query = new URLSearchParams((request.url ?? "").split("?", 2)[1]);
    const scopes = parseScopes(query.getAll("scope"));
    return { credentials: sent.kind === "basic" ? sent.credentials : undefined, scopes };
  }
}

/** The form of OAuth2's token request (RFC 6749 section 4.3.2), as docker and containerd send it. */
async function readGrant(request: IncomingMessage): Promise<Grant> {
  const form = new URLSearchParams(await readForm(request));
  const grant = form.get("grant_type");
  if (grant !== "password") {
    const words = grant === "refresh_token" ? "no refresh tokens are given out here" : "the grant is not known here";
    throw new RegistryError("GRANT_INVALID", `${words}: use grant_type=password, or GET with Basic credentials`);
  }
  const username = form.get("username") ?? "";
  if (username === "") throw new RegistryError("GRANT_INVALID", "the form has no username");
  const credentials: ClientCredentials = { kind: "basic", username, password: form.get("password") ?? "" };
  return { credentials, scopes: parseScopes(form.getAll("scope")) };
}

async function readForm(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  // The connection stays for the answer where the form is refused before its end.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxFormBytes) throw new RegistryError("GRANT_INVALID", "the form is longer than 8 KiB");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length).toString("utf8");
}
