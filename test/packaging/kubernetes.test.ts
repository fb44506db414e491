import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { IDaemonSet, IDeployment, IStatefulSet } from "kubernetes-models/apps/v1";
import type { IContainer, IPodSpec, IService } from "kubernetes-models/v1";
import { describe, expect, it, onTestFinished } from "vitest";
import { formatListenAddress, loadSettings, type Settings } from "../../src/config/index.ts";
import { faultsOf } from "./api-schemas.ts";
import { fileOf, one, render, renderWith, type Resource } from "./rendered.ts";

/** A file with this text, which is removed after the test. */
function fileWith(text: string): string {
  const directory = mkdtempSync(join(tmpdir(), "entrepot-kubernetes-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, "file"), text);
  return join(directory, "file");
}

function settingsOf(resources: readonly Resource[], namespace: string): Settings {
  return loadSettings({ file: fileWith(fileOf(resources, namespace, "entrepot.yaml")), environment: {} });
}

function podOf(resource: Resource): IPodSpec {
  const { spec } = resource as unknown as IDaemonSet | IDeployment | IStatefulSet;
  if (!spec?.template.spec) throw new Error(`${resource.kind} has no pods`);
  return spec.template.spec;
}

function containersOf(resource: Resource): IContainer[] {
  const { containers, initContainers = [] } = podOf(resource);
  return [...initContainers, ...containers];
}

/** Name and value of the variables that are written down. */
function environmentOf({ env = [] }: IContainer): Record<string, string> {
  return Object.fromEntries(env.map(({ name, value }) => [name, value ?? ""]));
}

const workloads = async (overlay: string): Promise<Resource[]> =>
  (await render(overlay)).filter(({ kind }) => ["DaemonSet", "StatefulSet", "Deployment"].includes(kind));

describe("every workload", () => {
  it.each(["overlays/chained", "overlays/node-local", "overlays/parent", "overlays/node-uninstall"])(
    "of %s gives up what it does not need",
    async (overlay) => {
      for (const workload of await workloads(overlay)) {
        expect(podOf(workload)).toMatchObject({
          automountServiceAccountToken: false,
          securityContext: { seccompProfile: { type: "RuntimeDefault" } },
        });
        for (const container of containersOf(workload)) {
          const name = `${workload.metadata.name}/${container.name}`;
          expect(container.securityContext, name).toMatchObject({
            readOnlyRootFilesystem: true,
            allowPrivilegeEscalation: false,
            capabilities: { drop: ["ALL"] },
          });
          expect(Object.keys(container.resources?.limits ?? {}), name).toEqual(["memory"]);
          expect(container.image, name).toMatch(/^[a-z.]+\/[a-z/]+:[0-9.]+$/);
        }
        const last = containersOf(workload).at(-1);
        expect({ ...podOf(workload).securityContext, ...last?.securityContext }).toMatchObject({ runAsNonRoot: true });
      }
    },
  );

  it("finds its configuration where it looks, and that is valid", async () => {
    const resources = await render("overlays/chained");
    for (const namespace of ["entrepot", "entrepot-node"]) {
      expect(() => settingsOf(resources, namespace)).not.toThrow();
    }
    for (const workload of await workloads("overlays/chained")) {
      const maps = podOf(workload).volumes?.flatMap(({ configMap }) => configMap?.name ?? []) ?? [];
      const { namespace } = workload.metadata;
      for (const map of maps) expect(one(resources, "ConfigMap", map).metadata.namespace).toBe(namespace);
    }
  });
});

describe("the cache of a node", () => {
  it("is reached from its node alone, and gives way before kubelet has to", async () => {
    const settings = settingsOf(await render("overlays/node-local"), "entrepot-node");
    expect([...settings.listen, ...settings.admin.listen].map(formatListenAddress)).toEqual([
      "127.0.0.1:5000",
      "127.0.0.1:5001",
    ]);
    expect(settings.storage.minFree).toEqual({ kind: "share", share: 0.25 });
  });

  it("runs on every node, in its network, and is asked there whether it is well", async () => {
    const pod = podOf(one(await render("overlays/node-local"), "DaemonSet"));
    expect(pod).toMatchObject({
      hostNetwork: true,
      dnsPolicy: "Default",
      priorityClassName: "system-node-critical",
      tolerations: [{ operator: "Exists" }],
    });
    const [entrepot] = pod.containers;
    for (const [probe, path] of [
      [entrepot?.startupProbe, "/healthz"],
      [entrepot?.livenessProbe, "/healthz"],
      [entrepot?.readinessProbe, "/readyz"],
    ] as const) {
      expect(probe?.httpGet).toEqual({ host: "127.0.0.1", port: 5001, path });
    }
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(25);
  });

  it.each([
    ["node-local", "containerd", "/etc/containerd/certs.d"],
    ["node-local-crio", "crio", "/etc/containers"],
    ["node-local-k3s", "k3s", "/etc/rancher/k3s"],
    ["chained", "containerd", "/etc/containerd/certs.d"],
  ])("of %s points the node's %s at it", async (overlay, runtime, directory) => {
    const pod = podOf(one(await render(`overlays/${overlay}`), "DaemonSet"));
    const [setUp] = pod.initContainers ?? [];
    expect(setUp?.args?.slice(0, 4)).toEqual(["node-setup", runtime, "--dir", "/host/client"]);
    const mount = setUp?.volumeMounts?.find(({ mountPath }) => mountPath === "/host/client");
    expect(pod.volumes?.find(({ name }) => name === mount?.name)?.hostPath?.path).toBe(directory);
  });

  it("is taken back by an overlay that restores and then only waits", async () => {
    const pod = podOf(one(await render("overlays/node-uninstall"), "DaemonSet"));
    expect(pod.initContainers?.[0]?.args?.at(-1)).toBe("--uninstall");
    expect(pod.initContainers?.[1]?.command?.slice(0, 2)).toEqual(["find", "/var/lib/entrepot"]);
    expect(pod.containers.map(({ command }) => command)).toEqual([["sleep", "infinity"]]);
  });

  it("is taken back from CRI-O with the component that it was installed with", async () => {
    const pod = podOf(one(await renderWith("node-uninstall", ["crio"]), "DaemonSet"));
    expect(pod.initContainers?.[0]?.args).toEqual(expect.arrayContaining(["crio", "--uninstall"]));
    expect(pod.volumes?.[0]).toMatchObject({ name: "client", hostPath: { path: "/etc/containers" } });
  });

  it("shows its metrics on the node's address only where the component for that is chosen", async () => {
    const resources = await renderWith("node-local", ["node-metrics"]);
    expect(faultsOf(resources)).toEqual([]);
    const [entrepot] = podOf(one(resources, "DaemonSet")).containers;
    const variables = entrepot?.env?.map(({ name }) => name) ?? [];
    // Kubernetes puts into $(…) what stands before it in the list.
    expect(variables.indexOf("NODE_IP")).toBeLessThan(variables.indexOf("ENTREPOT_METRICS_LISTEN"));
    const settings = loadSettings({ file: undefined, environment: { ENTREPOT_METRICS_LISTEN: "10.0.0.1:9105" } });
    expect(settings.metrics.listen.map(formatListenAddress)).toEqual(["10.0.0.1:9105"]);
    expect(entrepot?.ports).toContainEqual({ name: "metrics", containerPort: 9105 });
    const { spec } = one(resources, "Service") as unknown as IService;
    expect(spec).toMatchObject({ clusterIP: "None", ports: [{ name: "metrics" }] });
  });

  it("asks the parents first where there are some, and then each registry itself", async () => {
    const resources = await render("overlays/chained");
    const { name, namespace } = one(resources, "Service", "entrepot").metadata;
    const chained = settingsOf(resources, "entrepot-node");
    const alone = settingsOf(await render("overlays/node-local"), "entrepot-node");
    const parent = `http://${name}.${namespace ?? ""}.svc.cluster.local:5000`;
    const urls = (settings: Settings) =>
      settings.upstreams.map((upstream) => [upstream.name, ...upstream.endpoints.map(({ url }) => url)]);
    expect(urls(chained)).toEqual(urls(alone).map(([upstream, ...others]) => [upstream, parent, ...others]));
    expect(chained.storage).toEqual(alone.storage);
    expect(podOf(one(resources, "DaemonSet")).dnsPolicy).toBe("ClusterFirstWithHostNet");
  });
});

describe("the parents", () => {
  it("are all known to HAProxy by their names, which takes its configuration as it is shipped", async () => {
    const resources = await render("overlays/parent");
    const { metadata, spec } = one(resources, "StatefulSet") as unknown as IStatefulSet;
    const [haproxy] = podOf(one(resources, "Deployment")).containers;
    if (!spec || !haproxy) throw new Error("no parents or no HAProxy");
    const environment = environmentOf(haproxy);
    expect(environment).toEqual(
      Object.fromEntries(
        Array.from({ length: spec.replicas ?? 0 }, (_, place) => [
          `PARENT_${place}`,
          `${metadata?.name ?? ""}-${place}.${spec.serviceName ?? ""}.${metadata?.namespace ?? ""}.svc.cluster.local:5000`,
        ]),
      ),
    );
    const file = fileWith(fileOf(resources, "entrepot", "haproxy.cfg"));
    await promisify(execFile)("haproxy", ["-c", "-f", file], { env: { PATH: process.env["PATH"], ...environment } });
  });

  it("are scraped and watched by the ports that their Service names", async () => {
    const { spec } = one(await render("overlays/parent"), "Service", "parents") as unknown as IService;
    const monitor = one(await render("overlays/monitoring"), "ServiceMonitor");
    expect(spec?.ports?.map(({ name }) => name)).toContain("metrics");
    expect(monitor.spec).toMatchObject({ endpoints: [{ port: "metrics" }], jobLabel: "app.kubernetes.io/name" });
  });

  it("lose at most one of them to a drain at a time", async () => {
    const budgets = (await render("overlays/parent")).filter(({ kind }) => kind === "PodDisruptionBudget");
    expect(
      budgets.map(({ metadata, spec }) => [metadata.name, (spec as { maxUnavailable: number }).maxUnavailable]),
    ).toEqual([
      ["balancer", 1],
      ["parent", 1],
    ]);
  });
});
