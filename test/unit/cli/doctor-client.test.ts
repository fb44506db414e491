import { describe, expect, it, onTestFinished } from "vitest";
import { startInstance, type Instance } from "../../support/instance.ts";
import { startUpstream } from "../../upstream/index.ts";
import { machineRoot } from "../doctor/machine.ts";
import { run, withFile } from "./command-line.ts";

async function open(): Promise<{ instance: Instance; flags: string[] }> {
  const upstream = await startUpstream();
  upstream.pushImage("library/demo", "1", { layers: [1000] });
  const instance = await startInstance({ settings: { upstreams: { "docker.io": { endpoints: [upstream.url] } } } });
  onTestFinished(async () => {
    await instance.remove();
    await upstream.close();
  });
  const config = withFile(`listen: "${new URL(instance.url).host}"`);
  return { instance, flags: ["doctor", "--client", "docker", "--config", config, "--admin", instance.adminUrl] };
}

describe("entrepot doctor --client", () => {
  it("prints the snippet, why pulls do not come through, and ends with 1", async () => {
    const { instance, flags } = await open();
    const { exitCode, stdout, stderr } = await run([...flags, "--root", machineRoot({})]);
    expect(exitCode).toBe(1);
    expect(stderr).toBe("entrepot: the pulls of docker do not come through\n");
    expect(stdout).toContain(`    { "registry-mirrors": ["${instance.url}"] }\n`);
    expect(stdout).toMatch(
      /^X {2}\/etc\/docker\/daemon\.json +file +there is no such file.*\n +-> put the snippet there$/m,
    );
    expect(stdout).toContain("\nX docker: pulls do NOT come through entrepot\n");
  });

  it("says that they come through, and when the last one did", async () => {
    const { instance, flags } = await open();
    const root = machineRoot({ "/etc/docker/daemon.json": `{"registry-mirrors": ["${instance.url}"]}` });
    const before = await run([...flags, "--root", root]);
    expect(before.exitCode).toBe(0);
    expect(before.stdout).toMatch(/^! .*none of docker since the start$/m);
    await instance.ask("/v2/library/demo/manifests/1", { headers: { "user-agent": "docker/20.10.24 go/go1.19" } });
    const after = await run([...flags, "--root", root]);
    expect(after.stdout).toMatch(/^ok .*requests seen .*the last of docker \d+ s ago$/m);
    expect(after.stdout).toContain("\nok docker: pulls come through entrepot\n");
  });

  it("prints JSON for programs", async () => {
    const { instance, flags } = await open();
    const { stdout } = await run([...flags, "--json", "--root", machineRoot({})]);
    expect(JSON.parse(stdout)).toMatchObject({
      client: "docker",
      address: instance.url,
      comesThrough: "no",
      registries: [
        { registry: "docker.io", comesThrough: false, why: expect.stringContaining("daemon.json") as string },
      ],
      snippets: [{ path: "/etc/docker/daemon.json" }, { path: "/etc/docker/certs.d/ghcr.io/hosts.toml" }],
    });
  });

  it("draws signs on a terminal that shows them", async () => {
    const { instance, flags } = await open();
    const root = machineRoot({ "/etc/docker/daemon.json": `{"registry-mirrors": ["${instance.url}"]}` });
    const drawn = async (environment: Record<string, string>): Promise<string> => {
      let text = "";
      const stdout = { write: (part: string) => void (text += part), isTTY: true };
      await run([...flags, "--root", root], { stdout, environment });
      return text;
    };
    expect(await drawn({ LANG: "de_DE.UTF-8" })).toContain("✓ docker: pulls come through");
    expect(await drawn({ LANG: "de_DE.UTF-8", LC_ALL: "C" })).toContain("ok docker: pulls come through");
  });

  it("is 2 for a client that it does not know or an address that it is not told, 78 for a faulty configuration", async () => {
    expect((await run(["doctor", "--client", "rkt"])).exitCode).toBe(2);
    const withoutPort = withFile('listen: "127.0.0.1:0"');
    const result = await run([
      "doctor",
      "--client",
      "docker",
      "--config",
      withoutPort,
      "--admin",
      "http://127.0.0.1:1",
    ]);
    expect(result).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("--host") as string });
    expect((await run(["doctor", "--client", "docker", "--config", withFile("listn: a")])).exitCode).toBe(78);
  });
});
