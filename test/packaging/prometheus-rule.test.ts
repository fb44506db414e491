import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { parse, stringify } from "yaml";

const deploy = new URL("../../deploy/", import.meta.url).pathname;

function groupsOf(file: string): unknown[] {
  return (parse(readFileSync(`${deploy}prometheus/${file}`, "utf8")) as { groups: unknown[] }).groups;
}

/** Kustomize makes no custom resource from a file, so it is kept; `npm run test:packaging -- -u` writes it anew. */
it("the PrometheusRule has the very rules of deploy/prometheus", async () => {
  const rule = {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "PrometheusRule",
    metadata: { name: "entrepot" },
    spec: { groups: ["recording-rules.yaml", "alerts.yaml"].flatMap(groupsOf) },
  };
  const head =
    "# Made from deploy/prometheus/{recording-rules,alerts}.yaml by `npm run test:packaging -- -u`: change those.\n";
  await expect(head + stringify(rule, { lineWidth: 0 })).toMatchFileSnapshot(
    `${deploy}kubernetes/overlays/monitoring/prometheus-rule.yaml`,
  );
});
