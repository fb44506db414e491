import { expect } from "vitest";
import { temperaments as t, type Temperament } from "../../upstream/index.ts";
import { echoing, echoingChallenge, echoingHeaders, echoingRedirect } from "./echoes.ts";
import type { RegistryName, Scene } from "./scene.ts";
import { secrets } from "./secrets.ts";

/** One thing that has gone wrong in a registry, a proxy or a client before, done to us. */
export interface CanaryRow {
  /** The advisory, or the place of the report. */
  id: string;
  what: string;
  act: (scene: Scene) => Promise<void>;
}

/** Asks for a manifest while its registry misbehaves; resolves to the status. */
async function ask(
  scene: Scene,
  registry: RegistryName,
  on: "token" | "manifest-tag" | "cdn",
  temperament: Temperament,
  isBeforeAuth = false,
): Promise<number> {
  const { path, repository } = scene.publish(registry);
  const when = ({ query }: { query: URLSearchParams }) =>
    on !== "token" || query.size === 0 || hasScope(query, repository);
  const rule = scene.registries[registry].misbehave({
    on,
    ...(on !== "token" && { repository }),
    when,
    isBeforeAuth,
    temperament,
  });
  const { status } = await scene.ask(path);
  rule.stop();
  expect(rule.hits).toBeGreaterThan(0);
  return status;
}

function hasScope(query: URLSearchParams, repository: string): boolean {
  return query.getAll("scope").some((scope) => scope.includes(repository));
}

/** The manifest is refused while the bearer registry names this realm; the stranger hears nothing of it. */
function hostileRealm(id: string, what: string, realm: string): CanaryRow {
  return {
    id,
    what: `a realm ${what}`,
    act: async (scene) => {
      const { settings } = scene.registries.bearer.authorization;
      settings.realm = realm.replace("PORT", String(scene.stranger.port));
      const { status } = await scene.ask(scene.publish("bearer").path);
      settings.realm = undefined;
      expect(status).toBe(403);
    },
  };
}

function hostileRedirect(id: string, what: string, target: string): CanaryRow {
  return {
    id,
    what: `a redirect ${what}`,
    act: async (scene) => {
      const location = target.replace("PORT", String(scene.stranger.port));
      expect(await ask(scene, "basic", "manifest-tag", t.redirectTo(location))).toBe(502);
    },
  };
}

const realms = [
  hostileRealm("CVE-2026-33540", "on another host", "http://localhost:PORT/token"),
  hostileRealm("CVE-2026-33540", "at another address", "https://127.0.0.2:PORT/token"),
  hostileRealm("CVE-2026-48978", "with user information", "http://127.0.0.1@localhost:PORT/token"),
  hostileRealm("artifact-keeper GHSA-78h6-3wp8-2542", "at the metadata of a cloud", "http://169.254.169.254/latest/"),
  hostileRealm("regclient GHSA-qvqc-4c52-x6qp", "that is a file", "file:///etc/passwd"),
];

const redirects = [
  hostileRedirect("GHSA-vh4v-2xq2-g5cg", "to loopback", "http://127.0.0.1:PORT/v2/"),
  hostileRedirect("go-containerregistry #2295", "to the metadata of a cloud", "http://169.254.169.254/latest/"),
  hostileRedirect("go-containerregistry #2440", "to a name with a private address", "http://rebound.test:PORT/"),
  hostileRedirect("CVE-2026-50151", "with user information", "http://puller:x@localhost:PORT/"),
];

const downgrades: CanaryRow[] = [
  {
    id: "CVE-2026-48978",
    what: "a realm over http for a registry over https",
    act: async (scene) => {
      const { secure, stranger } = scene;
      secure.answers(401, { "www-authenticate": `Bearer realm="http://localhost:${stranger.port}/token"` });
      expect((await scene.ask("/v2/team/app/manifests/realm?ns=secure.test")).status).toBe(403);
    },
  },
  {
    id: "CVE-2026-50151",
    what: "a redirect from https to http",
    act: async (scene) => {
      const { secure, stranger } = scene;
      secure.answers(401, { "www-authenticate": "Basic" });
      await scene.ask("/v2/team/app/manifests/first?ns=secure.test");
      secure.answers(307, { location: `http://localhost:${stranger.port}/` });
      expect((await scene.ask("/v2/team/app/manifests/second?ns=secure.test")).status).toBe(502);
    },
  },
];

const echoes: CanaryRow[] = [
  ...[200, 400, 401, 403, 429, 500].map((status) => ({
    id: "threat list, credential leak",
    what: `a token service that answers ${status} with what it was sent`,
    act: async (scene: Scene) => {
      expect(await ask(scene, "bearer", "token", echoing(status), true)).toBeGreaterThanOrEqual(403);
      // What a limit has spared the upstream is over.
      scene.clock.skip(60_000);
    },
  })),
  ...[200, 400, 401, 403, 404, 429, 500].map((status) => ({
    id: "threat list, credential leak",
    what: `a registry that answers ${status} with what it was sent`,
    act: async (scene: Scene) => {
      expect(await ask(scene, "echo", "manifest-tag", echoing(status))).toBeGreaterThanOrEqual(403);
      scene.clock.skip(60_000);
    },
  })),
  {
    id: "threat list, credential leak",
    what: "a registry that sends the right bytes under headers with what it was sent",
    act: async (scene) => {
      expect([200, 502]).toContain(await ask(scene, "echo", "manifest-tag", echoingHeaders()));
    },
  },
  {
    id: "threat list, credential leak",
    what: "a registry that repeats it in its challenge",
    act: async (scene) => expect(await ask(scene, "echo", "manifest-tag", echoingChallenge())).toBe(403),
  },
  {
    id: "threat list, credential leak",
    what: "a registry that repeats it in a redirect",
    act: async (scene) => {
      const temperament = echoingRedirect(scene.stranger.port);
      expect(await ask(scene, "echo", "manifest-tag", temperament)).toBe(502);
    },
  },
];

const elsewhere: CanaryRow[] = [
  {
    id: "threat list, pre-signed URLs",
    what: "a CDN that refuses a signed URL and repeats it",
    act: async (scene) => {
      for (const status of [400, 403, 500]) expect(await ask(scene, "cdn", "cdn", echoing(status))).toBe(502);
    },
  },
  {
    id: "GHSA-m4v8-wqvr-p9f7, GHSA-3787-6prv-h9w3",
    what: "a proxy that makes no tunnel",
    act: async (scene) => {
      expect((await scene.ask("/v2/team/app/manifests/1?ns=proxied.test")).status).toBe(502);
      expect(scene.proxy.received).toContain("CONNECT registry.invalid:443");
    },
  },
  {
    id: "threat list, credential leak",
    what: "a helper that fails and prints its secret",
    act: async (scene) => {
      const { path } = scene.publish("helper");
      expect((await scene.ask(path.replace("helper.test", "broken.test"))).status).toBe(403);
    },
  },
  {
    id: "CVE-2026-32591",
    what: "a client that names a host of its own",
    act: async (scene) => {
      const host = `localhost:${scene.stranger.port}`;
      expect((await scene.ask(`/v2/team/app/manifests/1?ns=${host}`)).status).toBe(404);
      expect((await scene.ask(`/v2/127.0.0.1_${scene.stranger.port}/app/manifests/1`)).status).toBe(404);
    },
  },
  {
    id: "moby #42022, CVE-2026-1525",
    what: "a client that shows its own credentials",
    act: async (scene) => {
      const before = await scene.instance.metric("entrepot_unexpected_credentials_total");
      expect(
        (await scene.ask(scene.publish("fixed").path, { headers: { "x-registry-auth": secrets.clientToken } })).status,
      ).toBe(200);
      expect(await scene.instance.metric("entrepot_unexpected_credentials_total")).toBe(before + 1);
    },
  },
];

const content: CanaryRow[] = [
  {
    id: "artifact-keeper #3606",
    what: "two credentials for one registry, which share no token",
    act: async (scene) => {
      const { bearer } = scene.registries;
      bearer.pushImage("other/app", "1");
      bearer.requests.clear();
      await scene.ask("/v2/other/app/manifests/1?ns=bearer.test");
      await scene.ask(scene.publish("bearer").path);
      const shown = bearer.requests.filter({ status: 200 }).map(({ headers }) => headers.authorization ?? "");
      const bearers = shown.filter((header) => header.startsWith("Bearer "));
      expect(bearers.map((header) => header.replace(/^.*-(\w+)$/, "$1"))).toEqual(["other", "puller"]);
    },
  },
  {
    id: "CVE-2020-15157",
    what: "a manifest with the address of a layer elsewhere, which is not asked",
    act: async (scene) => {
      const { repository } = scene.publish("basic");
      const digest = `sha256:${"ab".repeat(32)}`;
      const urls = [`http://localhost:${scene.stranger.port}/layer`];
      await pullForged(scene, repository, [{ mediaType: layerType, digest, size: 10, urls }]);
      expect((await scene.ask(`/v2/${repository}/blobs/${digest}?ns=basic.test`)).status).toBe(404);
    },
  },
  {
    id: "CVE-2024-3727",
    what: "a manifest with a digest that is a path",
    act: async (scene) => {
      const { repository } = scene.publish("basic");
      const digest = `sha256:../../../${scene.stranger.port}/etc/passwd`;
      await pullForged(scene, repository, [{ mediaType: layerType, digest, size: 10 }]);
      const paths = scene.registries.basic.requests.entries.map(({ path }) => path);
      expect(paths.filter((path) => path.includes("..") || path.includes("passwd"))).toEqual([]);
    },
  },
  {
    id: "CVE-2024-39897, CVE-2026-35172, buildkite/cleanroom #495",
    what: "a digest asked for through a repository that does not have it",
    act: async (scene) => {
      const [mine, yours] = [scene.publish("basic"), scene.publish("basic")];
      const secret = scene.registries.basic.pushImage(mine.repository, "secret", { layers: [500] });
      await scene.ask(`/v2/${mine.repository}/manifests/secret?ns=basic.test`);
      for (const path of [`manifests/${secret.digest}`, `blobs/${secret.layers[0]?.digest ?? ""}`]) {
        expect((await scene.ask(`/v2/${yours.repository}/${path}?ns=basic.test`)).status).toBe(404);
      }
    },
  },
  {
    id: "CVE-2021-41190",
    what: "a manifest that is an index too",
    act: async (scene) => {
      const { repository } = scene.publish("basic");
      expect(await pullForged(scene, repository, [], { manifests: [] })).toBe(502);
    },
  },
];

const layerType = "application/vnd.oci.image.layer.v1.tar+gzip";
const manifestType = "application/vnd.oci.image.manifest.v1+json";

/** Pulls a manifest with layers as an attacker writes them. */
async function pullForged(scene: Scene, repository: string, layers: object[], more: object = {}): Promise<number> {
  const config = {
    mediaType: "application/vnd.oci.image.config.v1+json",
    digest: `sha256:${"cd".repeat(32)}`,
    size: 2,
  };
  const document = { schemaVersion: 2, mediaType: manifestType, config, layers, ...more };
  const { basic } = scene.registries;
  const { digest } = basic.pushManifest(repository, undefined, document, manifestType);
  return (await scene.ask(`/v2/${repository}/manifests/${digest}?ns=basic.test`)).status;
}

/** What cannot apply, or is shown elsewhere, is listed in src/README.md. */
export const canaryRows: CanaryRow[] = [...realms, ...redirects, ...downgrades, ...echoes, ...elsewhere, ...content];
