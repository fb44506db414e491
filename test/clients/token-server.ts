// A token service as docker-registry knows it: JSON web tokens, signed with a key whose certificate the registry trusts.
import { randomUUID, sign } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { certificate, privateKey } from "../unit/upstream/certificate.ts";

export const issuer = "entrepot client tests";
export const service = "registry.example.test";

/** Users with their passwords, and what each of them may do everywhere. */
export type Users = Readonly<Record<string, { readonly password: string; readonly actions: readonly string[] }>>;

export interface TokenServer {
  readonly realm: string;
  /** `<user> <scope>` of each token that was asked for. */
  readonly asked: string[];
  readonly close: () => Promise<void>;
}

export async function startTokenServer(users: Users): Promise<TokenServer> {
  const asked: string[] = [];
  const server: Server = createServer((request, response) => answer(users, asked, request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return { realm: `http://127.0.0.1:${port}/token`, asked, close };
}

function answer(users: Users, asked: string[], request: IncomingMessage, response: ServerResponse): void {
  const [, encoded = ""] = /^Basic (.+)$/.exec(request.headers.authorization ?? "") ?? [];
  const [name = "", password] = Buffer.from(encoded, "base64").toString().split(":");
  const user = users[name];
  const scopes = new URL(request.url ?? "/", "http://localhost").searchParams.getAll("scope");
  asked.push(...scopes.map((scope) => `${name} ${scope}`));
  if (user?.password !== password || user === undefined) {
    response.writeHead(401).end();
    return;
  }
  const access = scopes.map((scope) => {
    const [type, repository, actions = ""] = scope.split(":");
    return { type, name: repository, actions: actions.split(",").filter((action) => user.actions.includes(action)) };
  });
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ token: createToken(name, access), expires_in: 300 }));
}

/** RFC 7515 with ES256 and the certificate in `x5c`. */
function createToken(subject: string, access: object[]): string {
  const now = Math.floor(Date.now() / 1000);
  const x5c = [certificate.replaceAll(/-----[A-Z ]+-----|\s/g, "")];
  const claims = {
    iss: issuer,
    sub: subject,
    aud: service,
    exp: now + 300,
    nbf: now - 10,
    iat: now,
    jti: randomUUID(),
  };
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const signed = `${encode({ typ: "JWT", alg: "ES256", x5c })}.${encode({ ...claims, access })}`;
  const signature = sign("sha256", Buffer.from(signed), { key: privateKey, dsaEncoding: "ieee-p1363" });
  return `${signed}.${signature.toString("base64url")}`;
}
