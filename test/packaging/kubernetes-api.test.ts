import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { faultsOf } from "./api-schemas.ts";
import { one, render, type Resource } from "./rendered.ts";

const overlays = readdirSync(new URL("../../deploy/kubernetes/overlays", import.meta.url));

/** A copy in which something is wrong. */
function spoilt(resource: Resource, spoil: (text: string) => string): Resource {
  return JSON.parse(spoil(JSON.stringify(resource))) as Resource;
}

describe("the manifests for Kubernetes", () => {
  it("are what the API takes, field by field", async () => {
    const resources = await Promise.all(overlays.map((name) => render(`overlays/${name}`)));
    expect(faultsOf(resources.flat())).toEqual([]);
  });

  it("would not pass with a misspelt field, a wrong type or a value out of its list", async () => {
    const node = one(await render("overlays/node-local"), "DaemonSet");
    const monitoring = await render("overlays/monitoring");
    const misspelt = spoilt(node, (text) => text.replace('"periodSeconds":', '"periodSecond":'));
    expect(faultsOf([misspelt])).toEqual([expect.stringContaining("'\"periodSecond\"' does not exist in type")]);
    const wrongType = spoilt(node, (text) => text.replace('"hostNetwork":true', '"hostNetwork":"yes"'));
    expect(faultsOf([wrongType]).join("\n")).toContain("hostNetwork");
    const interval = spoilt(one(monitoring, "ServiceMonitor"), (text) => text.replace('"15s"', '"15 s"'));
    expect(faultsOf([interval]).join("\n")).toContain("interval");
    const rule = spoilt(one(monitoring, "PrometheusRule"), (text) => text.replace('"expr":', '"exprs":'));
    expect(faultsOf([rule]).join("\n")).toContain("exprs");
  });

  it("can be applied by kubectl, which notes each resource in an annotation of at most 256 KiB", async () => {
    for (const name of overlays) {
      const sizes = (await render(`overlays/${name}`)).map((resource) => JSON.stringify(resource).length);
      expect(Math.max(...sizes), name).toBeLessThan(256 * 1024);
    }
  });
});
