import { access, cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { binary, ChildProcesses } from "../clients/child-processes.ts";

const file = resolve("deploy/compose/compose.yaml");

interface Service {
  build?: { context: string; dockerfile: string };
  healthcheck?: { test: string[] };
  depends_on?: Record<string, { condition: string }>;
  ports: string[];
  read_only?: boolean;
  volumes: string[];
}

/** What docker-compose understands of the file. */
describe("the compose file", () => {
  let directory: string;
  let processes: ChildProcesses;
  let services: Record<string, Service>;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "entrepot-compose-"));
    processes = new ChildProcesses(directory);
    const text = await processes.run(binary("docker-compose"), ["--file", file, "config"]);
    ({ services } = parse(text) as { services: Record<string, Service> });
  });

  afterAll(() => rm(directory, { recursive: true }));

  it("builds the Containerfile that is shipped, and runs it with nothing writable but its volume", async () => {
    const { build, read_only: isReadOnly, volumes = [] } = services["entrepot"] ?? {};
    expect(isReadOnly).toBe(true);
    expect(build?.context).toBe(resolve("."));
    await access(resolve(build?.context ?? "", build?.dockerfile ?? ""));
    expect(volumes.filter((volume) => !volume.endsWith(":ro"))).toEqual(["entrepot-data:/var/lib/entrepot:rw"]);
  });

  it("publishes on this machine's loopback alone", () => {
    const ports = Object.values(services).flatMap((service) => service.ports);
    expect(ports.map((port) => port.replace(/^127\.0\.0\.1:(\d+):\1\/tcp$/, "$1"))).toEqual(
      expect.arrayContaining(["5000", "5001", "9090", "3000"]),
    );
    expect(ports.filter((port) => !port.startsWith("127.0.0.1:"))).toEqual([]);
  });

  it("starts each service when what it needs is healthy", () => {
    expect(services["prometheus"]?.depends_on).toEqual({ entrepot: { condition: "service_healthy" } });
    expect(services["grafana"]?.depends_on).toEqual({ prometheus: { condition: "service_healthy" } });
    // entrepot's own is in its image.
    expect(services["prometheus"]?.healthcheck?.test[0]).toBe("CMD");
  });

  it("mounts files that there are, where Prometheus finds its rules and Grafana its dashboards", async () => {
    const mounts = Object.values(services).flatMap((service) => mountsOf(service));
    for (const { source } of mounts) await access(source);
    const provider = await readFile("grafana/provisioning/dashboards/entrepot.yaml", "utf8");
    const dashboards = mounts.find(({ source }) => source === resolve("grafana/dashboards"));
    expect(provider).toContain(`path: ${dashboards?.target ?? "nowhere"}\n`);
    for (const { source, target } of mounts.filter(({ target }) => target.startsWith("/etc/prometheus/"))) {
      await cp(source, join(directory, target), { recursive: true });
    }
    const config = join(directory, "etc/prometheus/prometheus.yml");
    const said = await processes.run(binary("promtool"), ["check", "config", config]);
    expect(said).toContain("2 rule files found");
  });
});

/** What of this machine is mounted, read-only. */
function mountsOf({ volumes }: Service): { source: string; target: string }[] {
  const mounts = volumes.map((volume) => volume.split(":"));
  return mounts.flatMap(([source = "", target = ""]) => (source.startsWith("/") ? [{ source, target }] : []));
}
