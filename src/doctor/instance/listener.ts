import { request as plainRequest, type IncomingMessage } from "node:http";
import { request as tlsRequest } from "node:https";
import { text } from "node:stream/consumers";
import type { ConnectionOptions } from "node:tls";
import { formatListenAddress, ownPeer, type ListenAddress, type Settings } from "../../config/index.ts";
import { parseImageName } from "../../oci/index.ts";
import { codeOf, findingsOf, type Finding, type Findings } from "../finding.ts";
import type { RunningInstance } from "./running-instance.ts";

const timeoutMs = 5000;

/** A listener whose address is known here. `peer`: with TLS, how to know it again. */
type Listener =
  | Extract<ListenAddress, { kind: "unix" }>
  | (Extract<ListenAddress, { kind: "tcp" }> & { peer: ConnectionOptions | undefined });

interface Answer {
  status: number;
  body: string;
}

/** The pull listeners as clients use them: the ping, both ways to name a registry, and what is stored. */
export async function examineListeners(
  { listen, access, tls }: Settings,
  instance: RunningInstance | undefined,
): Promise<Finding[]> {
  const peer = tls && ownPeer(tls.identity);
  const known = listen.flatMap((address): Listener[] => {
    if (address.kind === "unix") return [address];
    return address.kind === "tcp" && address.port !== 0 ? [{ ...address, peer }] : [];
  });
  if (tls?.clientCaFile !== undefined) {
    return [
      findingsOf("listeners").skipped("/v2/", "tls.clientCaFile asks for client certificates, and doctor has none"),
    ];
  }
  const all = await Promise.all(known.map((address) => examineListener(address, instance, access.mode === "open")));
  return all.flat();
}

async function examineListener(
  address: Listener,
  instance: RunningInstance | undefined,
  isOpen: boolean,
): Promise<Finding[]> {
  const area = findingsOf(`listener ${formatListenAddress(address)}`);
  try {
    const ping = await ask(address, "/v2/");
    if (!(await isOurs(address))) return [strangerFinding(area, ping)];
    return [
      pingFinding(area, ping),
      await namingFinding(area, address),
      ...(instance?.stored && isOpen ? [await storedFinding(area, address, instance.stored)] : []),
    ];
  } catch (error) {
    const says = `does not answer (${codeOf(error)})`;
    if (!instance) return [area.skipped("/v2/", `${says}: no instance runs`)];
    return [
      area.failed("/v2/", says, "the instance runs with another configuration: restart it, or give its --config"),
    ];
  }
}

function strangerFinding({ failed }: Findings, { status }: Answer): Finding {
  return failed("/v2/", `another server is there, and answers ${status}`, "stop it, or change `listen`");
}

function pingFinding({ ok, failed }: Findings, { status }: Answer): Finding {
  if (status === 200) return ok("/v2/", "clients need no credentials");
  if (status === 401) return ok("/v2/", "clients are asked for credentials");
  return failed("/v2/", `answers ${status} where clients expect 200 or 401`);
}

async function namingFinding({ ok, failed }: Findings, address: Listener): Promise<Finding> {
  const named = await ask(address, `/v2/doctor/manifests/none?ns=doctor.invalid`);
  if (isRefusal(named)) return ok("names", "a registry can be named by path and by ns");
  return failed("names", "`ns` does not arrive: something between drops the query", "let proxies hand it on");
}

/** Something between may be another: nobody else refuses this name in these words. */
async function isOurs(address: Listener): Promise<boolean> {
  return isRefusal(await ask(address, "/v2/doctor.invalid/doctor/manifests/none"));
}

function isRefusal({ body }: Answer): boolean {
  try {
    const document = JSON.parse(body) as { errors?: { detail?: { registry?: unknown } }[] } | null;
    return document?.errors?.[0]?.detail?.registry === "doctor.invalid";
  } catch {
    return false;
  }
}

async function storedFinding(
  { ok, failed }: Findings,
  address: Listener,
  stored: { image: string; digest: string },
): Promise<Finding> {
  const { upstream, repository } = parseImageName(stored.image);
  const paths = [
    `/v2/${repository}/manifests/${stored.digest}?ns=${encodeURIComponent(upstream)}`,
    `/v2/${upstream.replace(":", "_")}/${repository}/manifests/${stored.digest}`,
  ];
  for (const path of paths) {
    const { status } = await ask(address, path, "HEAD");
    if (status !== 200) return failed("stored image", `answers ${status} for ${stored.image}, which is stored`);
  }
  return ok("stored image", `${stored.image} is served, by ns and by path`);
}

async function ask(address: Listener, path: string, method = "GET"): Promise<Answer> {
  const target =
    address.kind === "unix"
      ? { socketPath: address.path }
      : { host: callable(address.host), port: address.port, ...address.peer };
  const request = address.kind === "tcp" && address.peer ? tlsRequest : plainRequest;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = { ...target, path, method, agent: false, signal: AbortSignal.timeout(timeoutMs) };
    request(options, resolve).on("error", reject).end();
  });
  return { status: response.statusCode ?? 0, body: await text(response) };
}

function callable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}
