import { describe, expect, it, onTestFinished } from "vitest";
import { stringify } from "yaml";
import type { Settings } from "../../../src/config/index.ts";
import { loadSettings } from "../../../src/config/index.ts";
import { examineUpstream, type UpstreamOptions } from "../../../src/doctor/upstreams/examine-upstream.ts";
import { parseImageName } from "../../../src/oci/index.ts";
import {
  startTlsFront,
  startUpstream,
  temperaments,
  type TestUpstream,
  type UpstreamOptions as Given,
} from "../../upstream/index.ts";
import { withFile } from "../cli/command-line.ts";
import { certificate, expiredCertificate, elsewhereCertificate, privateKey } from "../upstream/certificate.ts";

async function open(given: Given = {}): Promise<TestUpstream> {
  const upstream = await startUpstream(given);
  onTestFinished(() => upstream.close());
  upstream.pushImage("library/alpine", "latest", { layers: [10] });
  return upstream;
}

function settingsOf(hub: Record<string, unknown>, name = "docker.io"): Settings {
  const upstreams = { [name]: hub };
  return loadSettings({ file: withFile(stringify({ upstreams })), environment: {} });
}

/** `check: says` of each finding, behind the area where it is not the hub's, with the verdict in front. */
async function examine(
  hub: Record<string, unknown>,
  options: Partial<UpstreamOptions> = {},
  name = "docker.io",
): Promise<string[]> {
  const entry = settingsOf(hub, name).upstreams.find((each) => each.name === name);
  if (!entry) throw new Error("not configured");
  const examined = await examineUpstream(entry, {
    isOffline: false,
    images: [],
    environment: {},
    now: Date.now,
    ...options,
  });
  return examined.flatMap(({ findings }) =>
    findings.map(({ area, check, verdict, says }) => {
      return `${verdict} ${area === `upstream ${name}` ? "" : `${area} `}${check}: ${says}`;
    }),
  );
}

const alpine = "docker.io/library/alpine:latest";

describe("an upstream", () => {
  it("is well: reached, pinged, and it has the well-known image; no pull is counted", async () => {
    const upstream = await open();
    const { port } = upstream;
    expect(await examine({ endpoints: [upstream.url] })).toEqual([
      `ok connection: 127.0.0.1:${port}, plain http`,
      "ok /v2/: answers without asking for credentials",
      expect.stringMatching(/^ok manifest: docker\.io\/library\/alpine:latest is sha256:[0-9a-f]{12}$/) as string,
    ]);
    expect(upstream.requests.filter().map(({ method, path }) => `${method} ${path}`)).toEqual([
      "GET /v2/",
      "HEAD /v2/library/alpine/manifests/latest",
    ]);
  });

  it("gives a token for the configured credentials, which nobody is shown", async () => {
    const upstream = await open({ auth: { kind: "bearer", users: { me: "hunter2" }, allowsAnonymous: false } });
    const endpoints = [upstream.url];
    const right = await examine({ endpoints, credentials: { username: "me", password: "hunter2" } });
    expect(right.slice(1)).toEqual([
      `ok /v2/: asks for a token of ${new URL(upstream.url).host}`,
      expect.stringMatching(/^ok manifest: .*, with the configured credentials$/) as string,
    ]);
    const wrong = await examine({ endpoints, credentials: { username: "me", password: "hunter3" } });
    expect(wrong.at(-1)).toMatch(/^failed credentials: .* answered 401/);
    const missing = await examine({ endpoints, credentials: { username: "me", command: ["/bin/false"] } });
    expect(missing.at(-1)).toMatch(/^failed credentials: .*\/bin\/false/);
    expect(await examine({ endpoints })).toContainEqual(
      expect.stringMatching(/^ok manifest: reachable: .*needs credentials$/),
    );
    expect([...right, ...wrong, ...missing].join("\n")).not.toMatch(/hunter/);
  });

  it("is reachable with an image that it has not, or that it shows to nobody without a password", async () => {
    const upstream = await open({ auth: { kind: "basic", users: { me: "secret" } } });
    const endpoints = [upstream.url];
    expect((await examine({ endpoints })).slice(1)).toEqual([
      "ok /v2/: asks for a user name and a password",
      `ok manifest: reachable: it answers 401 for ${alpine}, which needs credentials`,
    ]);
    const images = [parseImageName("docker.io/me/other:1")];
    expect(await examine({ endpoints, credentials: { username: "me", password: "secret" } }, { images })).toContain(
      "ok manifest: reachable: it answers that docker.io/me/other:1 is not there, with the configured credentials",
    );
  });

  it("asks for no image where none is known, and says how to name one", async () => {
    const upstream = await open();
    const found = await examine({ endpoints: [upstream.url] }, {}, "registry.corp.example");
    expect(found.at(-1)).toBe(
      "skipped manifest: no image is known to ask for: --image registry.corp.example/REPOSITORY:TAG",
    );
  });

  it("tells what is left of its quota, and that it is little", async () => {
    const upstream = await open();
    const announce = (remaining: number): void => {
      upstream.behave();
      const set = { "ratelimit-limit": "100;w=21600", "ratelimit-remaining": `${remaining};w=21600` };
      upstream.misbehave({ on: "any", temperament: temperaments.headers(set) });
    };
    announce(76);
    expect((await examine({ endpoints: [upstream.url] })).at(-1)).toBe("ok quota: 76 of 100 pulls are left in 6 h");
    announce(3);
    expect((await examine({ endpoints: [upstream.url] })).at(-1)).toBe("warning quota: 3 of 100 pulls are left in 6 h");
    upstream.behave();
    upstream.misbehave({ on: "manifest-tag", temperament: temperaments.rateLimited(60) });
    expect((await examine({ endpoints: [upstream.url] })).at(-1)).toBe(
      "warning manifest: limits the rate of requests (429)",
    );
  });

  it("cannot be reached, has no name, is no registry, or fails", async () => {
    const gone = await open();
    await gone.stop();
    expect(await examine({ endpoints: [gone.url] })).toEqual([
      `failed TCP: 127.0.0.1:${gone.port} cannot be reached (ECONNREFUSED)`,
    ]);
    expect(await examine({ endpoints: ["https://registry.invalid"] })).toEqual([
      expect.stringMatching(/^failed DNS: registry\.invalid has no address \(\w+\)$/) as string,
    ]);
    const upstream = await open();
    upstream.misbehave({ on: "any", temperament: temperaments.status(503) });
    expect((await examine({ endpoints: [upstream.url] })).slice(1)).toEqual([
      "warning /v2/: answered 503: is it a registry?",
      `failed manifest: answers 503 for ${alpine}`,
    ]);
  });

  it("is looked at endpoint by endpoint, a mirror with its own credentials and not with the origin's", async () => {
    const users = { me: "secret" };
    const [origin, mirror] = [await open(), await open({ auth: { kind: "basic", users } })];
    const credentials = { username: "me", password: "secret" };
    const without = await examine({ endpoints: [origin.url, mirror.url], credentials });
    expect(without.at(-1)).toBe(
      `ok mirror 127.0.0.1:${mirror.port} manifest: reachable: it answers 401 for ${alpine}, which needs credentials`,
    );
    const own = await examine({ endpoints: [origin.url, { url: mirror.url, credentials }] });
    expect(own.at(-1)).toMatch(/^ok mirror 127.0.0.1:\d+ manifest: .*, with the configured credentials$/);
  });

  it("is not asked where it, or everything, is offline", async () => {
    const upstream = await open();
    expect(await examine({ endpoints: [upstream.url], offline: true })).toEqual([
      "skipped all: not asked: offline by configuration",
    ]);
    expect(await examine({ endpoints: [upstream.url] }, { isOffline: true })).toEqual([
      "skipped all: not asked: --offline",
    ]);
    expect(upstream.requests.count()).toBe(0);
  });
});

describe("the certificate of an upstream", () => {
  async function behindTls(cert: string, caFile: string | undefined, now = Date.now): Promise<string[]> {
    const upstream = await open();
    const front = await startTlsFront(upstream.port, { cert, key: privateKey });
    onTestFinished(() => front.close());
    return examine({ endpoints: [front.url], ...(caFile !== undefined && { tls: { caFile } }) }, { now });
  }

  it("is trusted by the configured CA, and its end is told", async () => {
    const [connection, ...rest] = await behindTls(certificate, withFile(certificate, "ca.pem"));
    expect(connection).toMatch(/^ok connection: 127\.0\.0\.1:\d+, certificate until 2120-01-01$/);
    expect(rest).toHaveLength(2);
  });

  it("expires within 14 days", async () => {
    const soon = (): number => Date.parse("2119-12-25T00:00:00Z");
    expect((await behindTls(certificate, withFile(certificate, "ca.pem"), soon))[0]).toMatch(
      /^warning TLS: the certificate of 127\.0\.0\.1 expires on 2120-01-01$/,
    );
  });

  it.each([
    ["nobody's", certificate, undefined, /DEPTH_ZERO_SELF_SIGNED_CERT/],
    ["expired", expiredCertificate, expiredCertificate, /CERT_HAS_EXPIRED/],
    ["another host's", elsewhereCertificate, elsewhereCertificate, /ERR_TLS_CERT_ALTNAME_INVALID/],
  ])("is refused: it is %s", async (_what, cert, ca, words) => {
    const found = await behindTls(cert, ca && withFile(ca, "ca.pem"));
    expect(found).toEqual([expect.stringMatching(words) as string]);
    expect(found[0]).toMatch(/^failed TLS: the certificate of 127\.0\.0\.1 is refused/);
  });

  it("is not there where plain http is spoken", async () => {
    const upstream = await open();
    expect(await examine({ endpoints: [upstream.url.replace("http:", "https:")] })).toEqual([
      expect.stringMatching(/^failed TLS: 127\.0\.0\.1:\d+ does not speak TLS \(\w+\)$/) as string,
    ]);
  });
});
