import { lookup } from "node:dns/promises";
import { connect, type Socket } from "node:net";
import { connect as connectTls, getCACertificates, type TLSSocket } from "node:tls";
import { codeOf, type Finding, type Findings } from "../finding.ts";

/** Where a connection leads, and what is trusted there. */
export interface Route {
  host: string;
  port: number;
  isTls: boolean;
  /** PEM, besides the default roots. */
  ca: string | undefined;
}

const soonMs = 14 * 86_400_000;

/** One line if all is well, else the step that failed: the name, the connection, or the certificate. */
export async function examineConnection(
  { ok, warning, failed }: Findings,
  route: Route,
  { signal, now }: { signal: AbortSignal; now: number },
): Promise<Finding> {
  const { host, port, isTls } = route;
  try {
    await within(signal, lookup(host.replace(/^\[|\]$/g, "")));
  } catch (error) {
    return failed("DNS", `${host} has no address (${codeOf(error)})`, "check the name, and this machine's resolver");
  }
  let socket: Socket;
  try {
    socket = await open(connect({ host: host.replace(/^\[|\]$/g, ""), port }), "connect", signal);
  } catch (error) {
    return failed("TCP", `${host}:${port} cannot be reached (${codeOf(error)})`, "check firewalls, routes and proxies");
  }
  if (!isTls) {
    socket.destroy();
    return ok("connection", `${host}:${port}, plain http`);
  }
  try {
    const secured = await secure(route, socket, signal);
    const end = Date.parse(secured.getPeerCertificate().valid_to);
    // Typed as an error; it is the code of one.
    const problem = secured.authorized ? undefined : String(secured.authorizationError);
    secured.destroy();
    if (problem !== undefined) {
      return failed("TLS", `the certificate of ${host} is refused (${problem})`, certificateAdvice(problem));
    }
    const until = new Date(end).toISOString().slice(0, 10);
    if (end - now < soonMs)
      return warning("TLS", `the certificate of ${host} expires on ${until}`, "its owner must renew it");
    return ok("connection", `${host}:${port}, certificate until ${until}`);
  } catch (error) {
    return failed("TLS", `${host}:${port} does not speak TLS (${codeOf(error)})`);
  } finally {
    socket.destroy();
  }
}

function certificateAdvice(problem: string): string {
  return /EXPIRED|NOT_YET/.test(problem)
    ? "check the clock of this machine; else its owner must renew it"
    : "name its CA in upstreams.<name>.tls.caFile";
}

function secure({ host, ca }: Route, socket: Socket, signal: AbortSignal): Promise<TLSSocket> {
  const roots = getCACertificates("default");
  const secured = connectTls({
    socket,
    host,
    ...(/^[\d.]+$|^\[/.test(host) ? {} : { servername: host }),
    ca: ca === undefined ? roots : [...roots, ca],
    rejectUnauthorized: false,
    ALPNProtocols: ["http/1.1"],
  });
  return open(secured, "secureConnect", signal);
}

function open<T extends Socket>(socket: T, event: string, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => void socket.destroy(signal.reason as Error);
    signal.addEventListener("abort", abort, { once: true });
    socket.on("error", reject);
    socket.once("close", () => {
      signal.removeEventListener("abort", abort);
      reject(new Error("the connection was closed"));
    });
    socket.once(event, () => resolve(socket));
    if (signal.aborted) abort();
  });
}

function within<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    promise.then(resolve, reject);
  });
}
