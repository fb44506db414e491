import { rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { startUpstream } from "../../upstream/index.ts";
import { aftermathOf } from "../support/aftermath.ts";
import type { Remains } from "./interrupt.ts";
import type { Scenario } from "./scenario.ts";

/** What was found wrong, by the step behind which the process was killed. */
export interface Finding {
  number: number;
  label: string;
  violations: string[];
}

export interface InspectOptions {
  scenario: Scenario;
  main?: string | undefined;
}

/** Starts an instance on each of the remains, several at a time, and removes those in which all is well. */
export async function inspect(remains: readonly Remains[], options: InspectOptions): Promise<Finding[]> {
  const left = [...remains];
  const findings: Finding[] = [];
  const work = async (): Promise<void> => {
    const { scenario } = options;
    const upstream = await startUpstream();
    try {
      const published = scenario.publish(upstream);
      for (const { repository, tag, versions } of published) {
        const newest = versions.at(-1);
        if (newest) upstream.tag(repository, tag, newest.digest);
      }
      for (let next = left.shift(); next; next = left.shift()) {
        const { directory, hits, number, step } = next;
        const violations = await aftermathOf({
          directory,
          main: options.main,
          settings: scenario.settings,
          upstream,
          published,
          hits: hits.filter((hit) => scenario.mustSurvive?.(hit, published) ?? true),
          spoilt: scenario.spoilt?.(published),
        });
        if (violations.length > 0) findings.push({ number, label: step.label, violations });
        await rm(directory, { recursive: true });
      }
    } finally {
      await upstream.close();
    }
  };
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, work));
  return findings.sort((one, other) => one.number - other.number);
}
