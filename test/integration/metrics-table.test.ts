import { readFile } from "node:fs/promises";
import { beforeAll, expect, test } from "vitest";
import { parseExposition, type ExposedMetric } from "../support/exposition.ts";
import { startInstance } from "../support/instance.ts";
import { codeWords, tableRows } from "../support/markdown-table.ts";
import { startUpstream, temperaments } from "../upstream/index.ts";

interface Documented {
  name: string;
  type: string;
  labels: string[];
}

let documented: Documented[];
/** Values by label, and by label and metric where they are that metric's own. */
let values: Map<string, string[]>;
let served: Map<string, ExposedMetric>;
let host: string;

beforeAll(async () => {
  const rows = tableRows(await readFile("deploy/prometheus/README.md", "utf8"));
  documented = rows
    .filter(([name = ""]) => name.startsWith("`entrepot_"))
    .map(([name = "", type = "", labels = ""]) => ({
      name: name.replaceAll("`", ""),
      type,
      labels: labels.split(",").flatMap((label) => label.trim() || []),
    }));
  values = new Map(
    rows
      .filter(([label = ""]) => /^`[a-z]+`$/.test(label))
      .map(([label = "", of = "", listed = ""]) => [
        [...codeWords(label), ...codeWords(of)].join(" of "),
        codeWords(listed),
      ]),
  );
  served = await serve();
});

/** What an instance serves whose upstream has announced a quota: without that there would be no series of it. */
async function serve(): Promise<Map<string, ExposedMetric>> {
  const upstream = await startUpstream({});
  const headers = { "ratelimit-limit": "100;w=21600", "ratelimit-remaining": "99;w=21600" };
  upstream.misbehave({ on: "any", temperament: temperaments.headers(headers) });
  upstream.pushImage("library/demo", "1");
  const instance = await startInstance({ settings: { upstreams: { "docker.io": { endpoints: [upstream.url] } } } });
  try {
    await instance.ask("/v2/library/demo/manifests/1");
    host = new URL(upstream.url).host;
    return parseExposition(await (await fetch(`${instance.adminUrl}/metrics`)).text());
  } finally {
    await instance.remove();
    await upstream.close();
  }
}

const ours = (): string[] => [...served.keys()].filter((name) => name.startsWith("entrepot_"));

test("the table of metrics names what an instance serves, and nothing else, each once", () => {
  const names = documented.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.filter((name) => !served.has(name))).toEqual([]);
  expect(ours().filter((name) => !names.includes(name))).toEqual([]);
});

test("the table of metrics has the types and labels that are served", () => {
  expect(documented.length).toBeGreaterThan(40);
  const expected = documented.map(({ name }) => {
    const metric = served.get(name);
    return { name, type: metric?.type, labels: [...(metric?.labels.keys() ?? [])] };
  });
  expect(documented).toEqual(expected);
});

test("the table of labels has their values: closed lists, the configured upstreams, the hosts of their endpoints", () => {
  const upstreams = [...(served.get("entrepot_fetched_bytes_total")?.labels.get("upstream") ?? [])];
  expect(upstreams).toContain("docker.io");
  for (const name of ours()) {
    for (const [label, found] of served.get(name)?.labels ?? []) {
      if (label === "upstream") expect(upstreams).toEqual(expect.arrayContaining([...found]));
      else if (label === "endpoint") expect([...found]).toEqual(expect.arrayContaining([host, "other"]));
      else
        expect([...found].sort(), name).toEqual(values.get(`${label} of ${name}`)?.sort() ?? values.get(label)?.sort());
    }
  }
});

test("every metric says in a sentence what it is", () => {
  for (const name of ours()) expect(served.get(name)?.help, name).toMatch(/^[A-Z0-9].+\.$/);
});
