import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { queryOf, readDashboards, shownPanels, type Dashboard, type DashboardPanel } from "../../support/dashboards.ts";
import { codeWords, tableRows } from "../../support/markdown-table.ts";

const dashboards = await readDashboards();
const documented = tableRows(await readFile("deploy/prometheus/README.md", "utf8")).flatMap(([name = ""]) =>
  codeWords(name),
);

/** Variables that Grafana has by itself. */
const builtIn = ["__rate_interval", "__range", "__interval"];

const exprs = (dashboard: Dashboard): string[] => [
  ...shownPanels(dashboard).flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ...dashboard.annotations.list.flatMap(({ expr }) => expr ?? []),
];

function overlaps(one: DashboardPanel["gridPos"], other: DashboardPanel["gridPos"]): boolean {
  const isBeside = one.x + one.w <= other.x || other.x + other.w <= one.x;
  const isAbove = one.y + one.h <= other.y || other.y + other.h <= one.y;
  return !isBeside && !isAbove;
}

it("there is a dashboard for operators and one for debugging, each leading to the other", () => {
  expect(dashboards.map(([name, { uid }]) => [name, uid])).toEqual([
    ["entrepot-debug.json", "entrepot-debug"],
    ["entrepot.json", "entrepot"],
  ]);
  expect(dashboards.map(([, { links }]) => links.map(({ url }) => url))).toEqual([
    ["/d/entrepot"],
    ["/d/entrepot-debug"],
  ]);
});

describe.each(dashboards)("%s", (_, dashboard) => {
  const panels = shownPanels(dashboard);

  it("is of the current schema", () => {
    expect(dashboard.schemaVersion).toBe(42);
  });

  it.each(panels.map((panel) => [panel.title, panel] as const))(
    "says in %s what it shows, in which unit",
    (_, panel) => {
      const { unit, noValue, thresholds } = panel.fieldConfig?.defaults ?? {};
      expect(panel.description).toMatch(/^.{20,}\.$/);
      expect(unit).toMatch(/\w/);
      expect(noValue).toMatch(/\w/);
      expect(thresholds?.steps[0]?.value).toBeNull();
      expect(panel.targets?.length).toBeGreaterThan(0);
      const references = panel.targets?.map(({ refId }) => refId) ?? [];
      expect(new Set(references).size).toBe(references.length);
      for (const { uid } of [panel.datasource, ...(panel.targets ?? []).map(({ datasource }) => datasource)].flatMap(
        (datasource) => datasource ?? [],
      )) {
        expect(uid).toBe("${datasource}");
      }
    },
  );

  it("has panels of different names and ids, none over another or over the edge", () => {
    expect(panels.length).toBeGreaterThan(20);
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
    for (const [index, { title, gridPos }] of dashboard.panels.entries()) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      const covered = dashboard.panels.slice(index + 1).filter((other) => overlaps(gridPos, other.gridPos));
      expect(covered.map((other) => `${title} over ${other.title}`)).toEqual([]);
    }
  });

  it("uses every variable that it has, and has every variable that it uses", () => {
    const { list } = dashboard.templating;
    const names = list.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["datasource", "job", "instance", "upstream"]));
    for (const name of ["instance", "upstream"]) {
      expect(list.find((variable) => variable.name === name)).toMatchObject({ multi: true, includeAll: true });
    }
    const texts = [...exprs(dashboard), ...list.map(queryOf)].join("\n");
    const used = new Set([...texts.matchAll(/\$(\w+)/g)].map(([, name = ""]) => name));
    const own = names.filter((name) => name !== "datasource");
    expect([...used].filter((name) => !builtIn.includes(name)).sort()).toEqual(own.sort());
  });

  it("asks for documented metrics, of the chosen job and instances, over windows that follow the scrape interval", () => {
    for (const expr of exprs(dashboard)) {
      for (const [, name = "", selector] of expr.matchAll(/\b((?:entrepot|process|nodejs)_\w+|up\b)(\{[^}]*\})?/g)) {
        const metric = name.replace(/_(bucket|sum|count)$/, "");
        if (name.startsWith("entrepot_")) expect(documented).toContain(metric);
        expect(selector, expr).toContain('{job=~"$job", instance=~"$instance"');
      }
      for (const [, window] of expr.matchAll(/\[([^\]]+)\]/g))
        expect(["$__rate_interval", "$__range"]).toContain(window);
    }
  });
});

it("the data source and the folder that are provisioned are those that the dashboards need", async () => {
  const read = async (name: string): Promise<unknown> => parse(await readFile(`grafana/provisioning/${name}`, "utf8"));
  expect(await read("datasources/prometheus.yaml")).toMatchObject({
    apiVersion: 1,
    datasources: [{ type: "prometheus", isDefault: true }],
  });
  expect(await read("dashboards/entrepot.yaml")).toMatchObject({ apiVersion: 1, providers: [{ type: "file" }] });
});
