import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:tls";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Certificates, type CertificateFiles } from "../support/certificates.ts";
import { startInstance, type Instance } from "../support/instance.ts";
import { SkippingClock } from "../support/skipping-clock.ts";
import { sha256 } from "../support/reply.ts";
import { createGate, seededBytes, startUpstream, temperaments, type TestUpstream } from "../upstream/index.ts";

const run = promisify(execFile);
/** Longer than the time between two looks at the files. */
const lookMs = 11_000;

let upstream: TestUpstream;
let instance: Instance | undefined;
let certificates: Certificates;
let clock: SkippingClock;

beforeEach(async () => {
  upstream = await startUpstream();
  certificates = new Certificates();
  clock = new SkippingClock();
});

afterEach(async () => {
  await instance?.remove();
  await upstream.close();
});

async function start(settings: Record<string, unknown>): Promise<Instance> {
  instance = await startInstance({
    clock,
    settings: { upstreams: { "docker.io": { endpoints: [upstream.url] } }, ...settings },
  });
  return instance;
}

/** Resolves to what curl writes: the status and the version of HTTP. */
async function curl(url: string, ...more: string[]): Promise<string> {
  const { stdout } = await run("curl", ["-sS", "-o", "/dev/null", "-w", "%{http_code} %{http_version}", ...more, url]);
  return stdout;
}

/** The certificate that a new connection is shown. */
function shownAt(address: string): Promise<string> {
  const [host, port] = address.split(":");
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? "");
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

function fingerprint({ certFile }: CertificateFiles): string {
  return new X509Certificate(readFileSync(certFile)).fingerprint256;
}

const messages = (): unknown[] => instance?.log.map(({ msg }) => msg) ?? [];

describe("TLS", () => {
  it("is spoken for pulls, for the admin API and on a listener of one upstream: 1.2 and 1.3, HTTP/1.1 alone", async () => {
    const own = certificates.issue("cache");
    const { app } = await start({
      tls: own,
      admin: { listen: "127.0.0.1:0", tls: own },
      upstreams: { "docker.io": { endpoints: [upstream.url], listen: "127.0.0.1:0" } },
    });
    const { pull, admin, bound } = app.addresses;
    const trusting = ["--cacert", own.certFile, "--http2"];
    const urls = [
      `https://${String(pull[0])}/v2/`,
      `https://${String(bound["docker.io"]?.[0])}/v2/`,
      `https://${String(admin[0])}/readyz`,
    ];
    for (const url of urls) {
      expect(await curl(url, ...trusting, "--tlsv1.2", "--tls-max", "1.2")).toBe("200 1.1");
      expect(await curl(url, ...trusting, "--tlsv1.3")).toBe("200 1.1");
      await expect(
        curl(url, ...trusting, "--tlsv1.0", "--tls-max", "1.1", "--ciphers", "ALL@SECLEVEL=0"),
      ).rejects.toThrow();
    }
    await expect(curl(`http://${String(pull[0])}/v2/`)).rejects.toThrow();
    expect(messages()).toContain("a client was refused: it speaks plain http, and this listener TLS");
    expect(messages()).toContain("a client was refused: it does not speak TLS 1.2 or newer");
  });

  it("asks for a client certificate where clientCaFile is given, and the log says who was refused and why", async () => {
    const own = certificates.issue("cache");
    const authority = certificates.issue("authority");
    const known = certificates.issue("node-1", authority);
    const stranger = certificates.issue("stranger");
    const { app } = await start({ tls: { ...own, clientCaFile: authority.certFile } });
    const url = `https://${String(app.addresses.pull[0])}/v2/`;
    const ask = (client?: CertificateFiles): Promise<string> =>
      curl(url, "--cacert", own.certFile, ...(client ? ["--cert", client.certFile, "--key", client.keyFile] : []));
    expect(await ask(known)).toBe("200 1.1");
    await expect(ask()).rejects.toThrow();
    await expect(ask(stranger)).rejects.toThrow();
    await expect
      .poll(messages)
      .toContain("a client was refused: it has shown no certificate, and clientCaFile asks for one");
    await expect
      .poll(() => instance?.log.find(({ reason }) => reason === "DEPTH_ZERO_SELF_SIGNED_CERT")?.["msg"])
      .toBe("a client was refused: its certificate was not issued by one of clientCaFile, or has expired");
  });

  it("shows a replaced certificate to new connections, and a download that runs goes on", async () => {
    const [first, second] = [certificates.issue("first"), certificates.issue("second")];
    const mounted = mount(first);
    const bytes = seededBytes("layer", 4_000_000);
    const digest = upstream.pushBlob("library/demo", bytes);
    const gate = createGate();
    upstream.misbehave({ on: "blob", temperament: temperaments.gated(gate, 2_000_000) });
    const running = await start({ tls: mounted.files });
    const address = String(running.app.addresses.pull[0]);
    const download = await running.open(`/v2/library/demo/blobs/${digest}`);
    await gate.reached();
    expect(await shownAt(address)).toBe(fingerprint(first));
    mounted.replace(second);
    clock.skip(lookMs);
    expect(await shownAt(address)).toBe(fingerprint(second));
    expect(messages()).toContain("a certificate was replaced: new connections are shown the new one");
    gate.release();
    expect(sha256(await download.body.bytes())).toBe(digest);
    expect(upstream.requests.count({ kind: "blob" })).toBe(1);
  });

  it("does not let who had resumed a session under the old certificate go on with it", async () => {
    const [first, second] = [certificates.issue("first"), certificates.issue("second")];
    const mounted = mount(first);
    const { app } = await start({ tls: mounted.files });
    const [host, port] = String(app.addresses.pull[0]).split(":");
    const visit = (session?: Buffer): Promise<{ session: Buffer; isReused: boolean }> =>
      new Promise((resolve, reject) => {
        const socket = connect({ host, port: Number(port), rejectUnauthorized: false, maxVersion: "TLSv1.2", session });
        socket.on("error", reject);
        socket.on("session", (next: Buffer) => {
          resolve({ session: next, isReused: socket.isSessionReused() });
          socket.destroy();
        });
        if (session) {
          socket.on("secureConnect", () => {
            if (!socket.isSessionReused()) return;
            resolve({ session, isReused: true });
            socket.destroy();
          });
        }
      });
    const { session } = await visit();
    expect((await visit(session)).isReused).toBe(true);
    mounted.replace(second);
    clock.skip(lookMs);
    expect((await visit(session)).isReused).toBe(false);
  });

  it("keeps its certificate where the new files do not fit together, says so once, and takes what fits later", async () => {
    const [first, second] = [certificates.issue("first"), certificates.issue("second")];
    const files = { certFile: join(certificates.directory, "c"), keyFile: join(certificates.directory, "k") };
    const put = (from: CertificateFiles, which: keyof CertificateFiles): void =>
      copyFileSync(from[which], files[which]);
    put(first, "certFile");
    put(first, "keyFile");
    const { app, log } = await start({ tls: files });
    const address = String(app.addresses.pull[0]);
    put(second, "certFile");
    clock.skip(lookMs);
    clock.skip(lookMs);
    expect(await shownAt(address)).toBe(fingerprint(first));
    const told = log.filter(({ msg }) => String(msg).startsWith("the files of a certificate cannot be used"));
    const message = `${files.keyFile} is not the key of the first certificate in ${files.certFile}`;
    expect(told).toEqual([expect.objectContaining({ level: "error", faults: [{ path: "tls.keyFile", message }] })]);
    put(second, "keyFile");
    clock.skip(lookMs);
    expect(await shownAt(address)).toBe(fingerprint(second));
  });

  it("warns of a certificate that has expired, and serves with it", async () => {
    const own = certificates.issue("cache");
    clock.skip(2 * 86_400_000);
    const { app } = await start({ tls: own });
    expect(await curl(`https://${String(app.addresses.pull[0])}/v2/`, "--insecure")).toBe("200 1.1");
    expect(messages()).toContainEqual(
      expect.stringMatching(/^a certificate has expired on .*: clients will refuse it$/),
    );
  });
});

/** Files as Kubernetes mounts a Secret: links into a directory that is itself a link, which is replaced in one step. */
function mount(first: CertificateFiles): { files: CertificateFiles; replace: (next: CertificateFiles) => void } {
  const root = join(certificates.directory, "mounted");
  mkdirSync(root);
  let version = 0;
  const replace = (next: CertificateFiles): void => {
    version += 1;
    const directory = join(root, `..v${version}`);
    mkdirSync(directory);
    writeFileSync(join(directory, "tls.crt"), readFileSync(next.certFile));
    writeFileSync(join(directory, "tls.key"), readFileSync(next.keyFile));
    symlinkSync(`..v${version}`, join(root, "..data_tmp"));
    renameSync(join(root, "..data_tmp"), join(root, "..data"));
  };
  replace(first);
  symlinkSync("..data/tls.crt", join(root, "tls.crt"));
  symlinkSync("..data/tls.key", join(root, "tls.key"));
  return { files: { certFile: join(root, "tls.crt"), keyFile: join(root, "tls.key") }, replace };
}
