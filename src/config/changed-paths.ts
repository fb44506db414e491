import { isDeepStrictEqual } from "node:util";
import { describeSettings } from "./format-settings.ts";
import type { Settings } from "./settings.ts";

/**
 * The dotted paths at which two configurations differ, as `config print` writes them: also where only what is never printed
 * differs, passwords and the content of files.
 */
export function changedPaths(before: Settings, after: Settings): string[] {
  const visible = differences(describeSettings(before), describeSettings(after), "");
  const [hiddenBefore, hiddenAfter] = [hiddenValues(before), hiddenValues(after)];
  const hidden = [...hiddenAfter.keys()].filter(
    (path) => hiddenBefore.has(path) && !isDeepStrictEqual(hiddenBefore.get(path), hiddenAfter.get(path)),
  );
  const isTold = (path: string): boolean =>
    visible.some((told) => told === path || told.startsWith(`${path}.`) || path.startsWith(`${told}.`));
  return [...visible, ...hidden.filter((path) => !isTold(path))].sort();
}

function differences(before: unknown, after: unknown, path: string): string[] {
  if (!isSection(before) || !isSection(after)) return isDeepStrictEqual(before, after) ? [] : [path];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name) => differences(before[name], after[name], path === "" ? name : `${path}.${name}`));
}

/** What is redacted or read from files, by the path under which it is told. */
function hiddenValues({ tls, admin, upstreams }: Settings): Map<string, unknown> {
  return new Map<string, unknown>([
    ["tls", tls?.identity],
    ["admin.tls", admin.tls?.identity],
    ...upstreams.flatMap(({ name, endpoints, proxy, ca, clientCertificate }): [string, unknown][] => [
      [`upstreams.${name}.endpoints`, endpoints],
      [`upstreams.${name}.proxy`, proxy],
      [`upstreams.${name}.tls`, { ca, clientCertificate }],
    ]),
  ]);
}

function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
