import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";

interface Alert {
  alert: string;
  expr: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

interface RuleTests {
  tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[];
}

const directory = "deploy/prometheus";

let alerts: Alert[];
let cases: { alertname: string; exp_alerts: unknown[] }[];
let anchors: string[];

beforeAll(async () => {
  const read = (name: string): Promise<string> => readFile(join(directory, name), "utf8");
  const rules = parse(await read("alerts.yaml")) as { groups: { rules: Alert[] }[] };
  alerts = rules.groups.flatMap((group) => group.rules);
  const files = await Promise.all(["rules.test.yaml", "rules-days.test.yaml"].map(read));
  cases = files.flatMap((file) => (parse(file) as RuleTests).tests.flatMap((test) => test.alert_rule_test));
  anchors = [...(await read("README.md")).matchAll(/^### (\w+)$/gm)].map(([, title = ""]) => title.toLowerCase());
});

describe("every alert", () => {
  it("has a name of its own, a severity, a summary and a description", () => {
    expect(alerts.length).toBeGreaterThan(10);
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
    for (const { alert, labels, annotations } of alerts) {
      expect(alert).toMatch(/^Entrepot[A-Z][A-Za-z]+$/);
      expect(["critical", "warning", "info"], alert).toContain(labels["severity"]);
      expect(annotations["summary"], alert).toMatch(/\w/);
      expect(annotations["description"], alert).toMatch(/\.$/);
    }
  });

  it("leads to its paragraph in the runbook, and every paragraph has an alert", () => {
    const linked = alerts.map(({ annotations }) => annotations["runbook_url"]?.split("#") ?? []);
    expect(linked.every(([file]) => file === join(directory, "README.md"))).toBe(true);
    expect(linked.map(([, anchor]) => anchor).sort()).toEqual(anchors.sort());
  });

  it("has a case in which it fires and one in which it does not", () => {
    for (const { alert } of alerts) {
      const own = cases.filter(({ alertname }) => alertname === alert);
      expect(
        own.some(({ exp_alerts }) => exp_alerts.length > 0),
        `${alert} fires`,
      ).toBe(true);
      expect(
        own.some(({ exp_alerts }) => exp_alerts.length === 0),
        `${alert} does not fire`,
      ).toBe(true);
    }
  });
});
