import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

const directory = "grafana/dashboards";

export interface DashboardTarget {
  expr: string;
  refId: string;
  /** One point in time instead of a range. */
  instant: boolean;
  legendFormat: string;
  format: string;
  datasource: { type: string; uid: string };
}

export interface DashboardPanel {
  id: number;
  type: string;
  title: string;
  description?: string;
  gridPos: { x: number; y: number; w: number; h: number };
  datasource?: { type: string; uid: string };
  targets?: DashboardTarget[];
  fieldConfig?: {
    defaults: { unit?: string; noValue?: string; thresholds?: { steps: { color: string; value: number | null }[] } };
  };
}

export interface DashboardVariable {
  name: string;
  type: "datasource" | "query" | "custom";
  /** Of a query: `label_values(selector, label)`; of a custom variable its values, by commas. */
  query: string | { query: string };
  multi: boolean;
  includeAll: boolean;
}

/** What of a dashboard of Grafana the tests look at. */
export interface Dashboard {
  uid: string;
  title: string;
  schemaVersion: number;
  panels: DashboardPanel[];
  templating: { list: DashboardVariable[] };
  annotations: { list: { name: string; expr?: string }[] };
  links: { url: string }[];
}

/** The dashboards in grafana/dashboards, by file name. */
export async function readDashboards(): Promise<[string, Dashboard][]> {
  const names = (await readdir(directory)).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(directory, name), "utf8")));
  return texts.map((text, index) => [names[index] ?? "", JSON.parse(text) as Dashboard]);
}

export function queryOf({ query }: DashboardVariable): string {
  return typeof query === "string" ? query : query.query;
}

/** The panels that show something: rows are headings. */
export function shownPanels({ panels }: Dashboard): DashboardPanel[] {
  return panels.filter(({ type }) => type !== "row");
}
