import type { ClientReport, Finding, Verdict } from "../doctor/index.ts";
import { formatTable } from "./table.ts";

type Marks = Readonly<Record<Verdict, string>>;

const plain: Marks = { ok: "ok", warning: "!", failed: "X", skipped: "-" };
const drawn: Marks = { ok: "✓", warning: "!", failed: "✗", skipped: "-" };

/** Signs where the output is a terminal that shows them, letters elsewhere. */
export function marksFor(isTerminal: boolean, environment: NodeJS.ProcessEnv): Marks {
  const locale =
    ["LC_ALL", "LC_CTYPE", "LANG"].map((name) => environment[name] ?? "").find((value) => value !== "") ?? "";
  return isTerminal && /utf-?8/i.test(locale) ? drawn : plain;
}

/** The findings as a table, below each what to do about it. */
export function formatFindings(findings: readonly Finding[], marks: Marks): string {
  const rows = findings.map(({ area, check, verdict, says }) => [marks[verdict], area, check, says]);
  const lines = formatTable(rows, [0, 1, 2, 3]).trimEnd().split("\n");
  const told = findings.flatMap(({ todo }, index) => {
    const line = lines[index] ?? "";
    return todo === null ? [line] : [line, `${" ".repeat(indentOf(rows))}-> ${todo}`];
  });
  return `${told.join("\n")}\n`;
}

/** Where the last column begins. */
function indentOf(rows: readonly (readonly string[])[]): number {
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return widths.reduce((sum, width) => sum + width + 2, 0);
}

const verdicts = {
  yes: "pulls come through entrepot",
  partly: "the pulls of some registries come through entrepot",
  no: "pulls do NOT come through entrepot",
} as const;

/** The snippets, what was found, and the verdict. */
export function formatClientReport(report: ClientReport, marks: Marks): string {
  const snippets = report.snippets.map(
    ({ path, text, says }) => `${path}  (${says})\n\n${text.replace(/^(?=.)/gm, "    ")}`,
  );
  const found = formatFindings(report.findings, marks);
  const verdict = report.comesThrough === "yes" ? "ok" : report.comesThrough === "no" ? "failed" : "warning";
  const lost = report.registries.filter(({ comesThrough }) => !comesThrough).map(({ registry }) => registry);
  const which = report.comesThrough === "partly" ? ` (not ${lost.join(", ")})` : "";
  return [
    `How ${report.client} is pointed at ${report.address}:\n`,
    ...snippets,
    "As it is configured here:\n",
    found,
    `${marks[verdict]} ${report.client}: ${verdicts[report.comesThrough]}${which}\n`,
  ].join("\n");
}
