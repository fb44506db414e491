import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { stringify } from "yaml";
import { startInstance, type Instance } from "../../support/instance.ts";
import { startUpstream, temperaments, type TestUpstream } from "../../upstream/index.ts";
import { run, withFile } from "./command-line.ts";

const others = ["ghcr.io", "quay.io", "registry.k8s.io", "gcr.io", "mcr.microsoft.com", "public.ecr.aws", "nvcr.io"];
const disabled = Object.fromEntries(
  [...others, "docker.elastic.co", "registry.gitlab.com"].map((name) => [name, { enabled: false }]),
);

interface Scene {
  instance: Instance;
  upstream: TestUpstream;
  flags: string[];
}

async function open(settings: Record<string, unknown> = {}): Promise<Scene> {
  const upstream = await startUpstream();
  upstream.pushImage("library/alpine", "latest", { layers: [1000] });
  const upstreams = { ...disabled, "docker.io": { endpoints: [upstream.url] } };
  const instance = await startInstance({ settings: { upstreams, ...settings } });
  onTestFinished(async () => {
    await instance.remove();
    await upstream.close();
  });
  const document = {
    listen: new URL(instance.url).host,
    dataDir: join(instance.directory, "data"),
    storage: { minFree: "1MiB" },
    upstreams,
    ...settings,
  };
  return {
    instance,
    upstream,
    flags: ["doctor", "--config", withFile(stringify(document)), "--admin", instance.adminUrl],
  };
}

/** Lines without what differs from run to run. */
function lineOf(stdout: string, area: string, check: string): string | undefined {
  const line = stdout.split("\n").find((each) => new RegExp(`^\\S+ +${area} +${check} `).test(each));
  return line?.replace(/ {2,}/g, " ");
}

describe("entrepot doctor", () => {
  it("finds nothing wrong with an instance that is used, and ends with 0", async () => {
    const { instance, flags } = await open();
    await instance.ask("/v2/library/alpine/manifests/latest", { headers: { "user-agent": "containerd/1.7.0" } });
    await instance.settled();
    const { exitCode, stdout, stderr } = await run(flags);
    expect({ exitCode, stderr }, stdout).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toMatch(/^ok +configuration +keys +valid$/m);
    expect(lineOf(stdout, "instance", "readiness")).toBe("ok instance readiness ready");
    expect(lineOf(stdout, "instance", "last requests")).toMatch(/^ok .*containerd \d+ s ago/);
    const { host } = new URL(instance.url);
    expect(lineOf(stdout, `listener ${host}`, "/v2/")).toMatch(/clients need no credentials$/);
    expect(lineOf(stdout, `listener ${host}`, "names")).toMatch(/^ok .* by path and by ns$/);
    expect(lineOf(stdout, `listener ${host}`, "stored image")).toMatch(
      /^ok .*docker\.io\/library\/alpine:latest is served, by ns and by path$/,
    );
    expect(lineOf(stdout, "upstream docker.io", "manifest")).toMatch(/^ok .*library\/alpine:latest is sha256:/);
    expect(lineOf(stdout, "clock", "time")).toMatch(/^ok clock time within \d+ s of 2 other clocks$/);
  });

  it("prints JSON for programs", async () => {
    const { flags } = await open();
    const { stdout } = await run([...flags, "--json", "--offline"]);
    const report = JSON.parse(stdout) as { isHealthy: boolean; findings: Record<string, unknown>[] };
    expect(report.isHealthy).toBe(true);
    expect(report.findings).toContainEqual({
      area: "upstream docker.io",
      check: "all",
      verdict: "skipped",
      says: "not asked: --offline",
      todo: null,
    });
    expect(report.findings.find(({ area, check }) => area === "instance" && check === "last requests")).toMatchObject({
      verdict: "warning",
      todo: expect.stringContaining("--client") as string,
    });
  });

  it("ends with 1 where a check has failed, and says which", async () => {
    const { upstream, flags } = await open();
    upstream.misbehave({ on: "manifest-tag", temperament: temperaments.status(500) });
    const { exitCode, stdout, stderr } = await run(flags);
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: "entrepot: 1 check has failed\n" });
    expect(lineOf(stdout, "upstream docker.io", "manifest")).toMatch(/^X .*answers 500/);
  });

  it("says that a clock is wrong that differs from the upstream's and the instance's", async () => {
    const { upstream, flags } = await open();
    const date = new Date(Date.now() + 3_600_000).toUTCString();
    upstream.misbehave({ on: "any", temperament: temperaments.headers({ date }) });
    // Two others, of which the earlier is taken: the instance is on this machine.
    expect(lineOf((await run(flags)).stdout, "clock", "time")).toMatch(/^ok/);
    const alone = [...flags.slice(0, 3), "--admin", "http://127.0.0.1:1"];
    const { exitCode, stdout } = await run(alone);
    expect(exitCode).toBe(1);
    expect(lineOf(stdout, "clock", "time")).toMatch(
      /^X clock time this machine's clock is 3[56]\d\d s behind the others$/,
    );
  });

  it("goes on without an instance, and says how to start one", async () => {
    const { instance, flags } = await open();
    await instance.stop();
    const { exitCode, stdout } = await run(flags);
    expect(exitCode, stdout).toBe(0);
    expect(lineOf(stdout, "instance", "running")).toMatch(/^! .*none answers at/);
    expect(stdout).toContain("-> start it with `entrepot serve`");
    expect(lineOf(stdout, "data directory", "lock")).toBe("ok data directory lock no process has it");
    expect(stdout).toMatch(/^- +listener .*no instance runs$/m);
  });

  it("finds another server where its own should be", async () => {
    const web = createServer((_request, response) => void response.end("<html>")).listen(0, "127.0.0.1");
    onTestFinished(() => void web.close());
    await new Promise((resolve) => web.once("listening", resolve));
    const { port } = web.address() as AddressInfo;
    const config = withFile(
      stringify({ listen: `127.0.0.1:${port}`, admin: { listen: "127.0.0.1:0" }, upstreams: {} }),
    );
    const { exitCode, stdout } = await run(["doctor", "--offline", "--config", config]);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^X +listener 127\.0\.0\.1:\d+ +\/v2\/ +another server is there, and answers 200$/m);
  });

  it("tells every fault of the configuration, also as JSON, and ends with 78", async () => {
    const config = withFile("listn: a\nstorage: { maxSize: much }");
    const { exitCode, stdout } = await run(["doctor", "--json", "--config", config]);
    expect(exitCode).toBe(78);
    expect(JSON.parse(stdout)).toMatchObject({
      isHealthy: false,
      findings: [
        { area: "configuration", check: "listn", verdict: "failed", says: "unknown key; did you mean listen?" },
        { area: "configuration", check: "storage.maxSize", verdict: "failed" },
      ],
    });
  });

  it("refuses an image's name that is none with 2", async () => {
    const result = await run(["doctor", "--image", "alpine"]);
    expect(result).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("--image: ") as string });
  });

  it("sees budgets that the disk cannot give, and pins that leave no room", async () => {
    const { instance, flags } = await open({
      storage: { maxSize: "1PiB", minFree: "1MiB" },
      pins: ["docker.io/library/alpine:*"],
    });
    await instance.ask("/v2/library/alpine/manifests/latest");
    await instance.settled();
    const { stdout } = await run([...flags, "--offline"]);
    expect(lineOf(stdout, "budget", "size")).toMatch(/^! .*but the disk has room for/);
    expect(lineOf(stdout, "budget", "pins")).toMatch(/^ok .*1 pinned images take 0\.0 GiB at most$/);
  });
});
