import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { clientFamilies } from "../../src/telemetry/index.ts";
import { startInstance, type Instance } from "../support/instance.ts";
import { pull } from "../support/pull.ts";
import { SkippingClock } from "../support/skipping-clock.ts";
import { createGate, startUpstream, temperaments, type TestUpstream } from "../upstream/index.ts";

const name = "docker.io";
const minute = 60_000;
const MB = 1_000_000;
/** A count follows the end of a response, which the client may know first. */
const patiently = { timeout: 20_000 };

let upstream: TestUpstream;
let instance: Instance;
let clock: SkippingClock;

beforeEach(async () => {
  clock = new SkippingClock();
  upstream = await startUpstream({ auth: { kind: "bearer" } });
  const upstreams = { [name]: { endpoints: [upstream.url], breaker: { openFor: "30s" } } };
  instance = await startInstance({ clock, settings: { upstreams, limits: { attempts: 2 } } });
});

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

const metric = (of: string, labels?: Record<string, string>): Promise<number> =>
  instance.metric(`entrepot_${of}`, labels);

describe("the metrics of clients", () => {
  const agents: [string, string][] = [
    ["containerd", "containerd/v2.1.0"],
    ["docker", "docker/29.0.0 go/go1.25 containerd-client/2.1.4"],
    ["podman", "containers/5.34.0 (github.com/containers/image)"],
    ["skopeo", "skopeo/1.18.0"],
    ["buildah", "Buildah/1.39.0"],
    ["crio", "cri-o/1.32.0 go/go1.23 os/linux arch/amd64"],
    ["buildkit", "buildkit/v0.23 moby/v28.3"],
    ["other", "kaniko/v1.23.2 go-containerregistry"],
  ];

  it("have for every family the time of its last request, 0 before there was one", async () => {
    expect(agents.map(([family]) => family)).toEqual([...clientFamilies]);
    for (const [client, agent] of agents) {
      expect(await metric("last_request_timestamp_seconds", { client })).toBe(0);
      const before = clock.now() / 1000;
      await instance.ask("/v2/", { headers: { "user-agent": agent } });
      await expect
        .poll(() => metric("last_request_timestamp_seconds", { client }), patiently)
        .toBeGreaterThanOrEqual(before);
      clock.skip(minute);
    }
  });

  it("count credentials that nobody has asked for by the family that sent them, and no others", async () => {
    const basic = { authorization: "Basic bWU6c2VjcmV0" };
    await instance.ask("/v2/", { headers: { ...basic, "user-agent": "docker/29.0.0" } });
    await instance.ask("/v2/", { headers: { "user-agent": "docker/29.0.0" } });
    await expect.poll(() => metric("requests_total", { client: "docker" }), patiently).toBe(2);
    expect(await metric("unexpected_credentials_total", { client: "docker" })).toBe(1);
    expect(await metric("unexpected_credentials_total")).toBe(1);
  });

  it("time every request to its first byte and to its end", async () => {
    upstream.pushImage("library/demo", "1");
    await pull(instance, "library/demo", "1");
    await pull(instance, "library/demo", "1");
    const count = (kind: string, outcome: string): Promise<number[]> =>
      Promise.all(
        ["request_duration_seconds_count", "first_byte_seconds_count"].map((of) => metric(of, { kind, outcome })),
      );
    await expect.poll(() => metric("requests_total"), patiently).toBe(6);
    expect(await count("manifest_tag", "filled")).toEqual([1, 1]);
    expect(await count("manifest_tag", "hit")).toEqual([1, 1]);
    expect(await count("blob", "filled")).toEqual([2, 2]);
  });

  it("count who waits for another's download as collapsed, and what that saved", async () => {
    const { layers } = upstream.pushImage("library/demo", "1", { layers: [3 * MB] });
    await pull(instance, "library/demo", "1", { manifestsOnly: true });
    const gate = createGate();
    upstream.misbehave({ on: "blob", temperament: temperaments.gated(gate, MB) });
    const path = `/v2/library/demo/blobs/${String(layers[0]?.digest)}`;
    const both = [instance.ask(path), instance.ask(path)];
    await gate.reached();
    await expect.poll(() => metric("flight_followers"), patiently).toBe(1);
    expect(await metric("flights")).toBe(1);
    gate.release();
    await Promise.all(both);
    await expect.poll(() => metric("collapsed_requests_total", { kind: "blob" }), patiently).toBe(1);
    expect(await metric("saved_bytes_total", { upstream: name })).toBe(3 * MB);
  });
});

describe("the metrics of upstreams", () => {
  it("count requests by kind and status, tokens by status, and time them", async () => {
    upstream.pushImage("library/demo", "1");
    await pull(instance, "library/demo", "1");
    await instance.ask("/v2/library/demo/manifests/missing");
    const requests = (kind: string, status: string): Promise<number> =>
      metric("upstream_requests_total", { upstream: name, kind, status });
    expect(await requests("manifest_tag", "401")).toBe(1);
    expect(await requests("manifest_tag", "2xx")).toBe(1);
    expect(await requests("manifest_tag", "404")).toBe(1);
    expect(await requests("blob", "2xx")).toBe(2);
    expect(await metric("upstream_tokens_total", { upstream: name, status: "2xx" })).toBe(1);
    expect(await metric("upstream_request_duration_seconds_count", { upstream: name, kind: "blob" })).toBe(2);
    expect(await metric("index_write_duration_seconds_count")).toBeGreaterThan(0);
    await expect.poll(() => metric("index_writes_waiting"), patiently).toBe(0);
  });

  it("count a download that is continued after an interruption", async () => {
    upstream.pushImage("library/demo", "1", { layers: [3 * MB] });
    upstream.misbehave({ on: "blob", times: 1, temperament: temperaments.truncate(MB, "rst"), when: isLarge });
    expect((await pull(instance, "library/demo", "1", { atOnce: 1 })).broken).toEqual([]);
    expect(await metric("upstream_resumes_total", { upstream: name })).toBe(1);
  });

  it("say which endpoint is left alone, and that it answers again", async () => {
    const endpoint = new URL(upstream.url).host;
    const breaker = (): Promise<number> => metric("upstream_breaker_open", { upstream: name, endpoint });
    for (const repository of ["one", "two", "three"]) upstream.pushImage(`library/${repository}`, "1");
    upstream.misbehave({ on: "any", isBeforeAuth: true, temperament: temperaments.status(503) });
    expect(await breaker()).toBe(0);
    const ask = (repository: string) => instance.ask(`/v2/library/${repository}/manifests/1`);
    await Promise.all(["one", "two", "three"].map(ask));
    await expect.poll(breaker, patiently).toBe(1);
    expect(await metric("upstream_retries_total", { upstream: name })).toBeGreaterThan(0);
    upstream.behave();
    clock.skip(minute);
    expect((await ask("one")).status).toBe(200);
    expect(await breaker()).toBe(0);
  });
});

/** The layer, not the config: that is smaller. */
function isLarge({ reference }: { reference: string | undefined }): boolean {
  return upstream.content.find("library/demo")?.blobs.get(String(reference))?.size === 3 * MB;
}
