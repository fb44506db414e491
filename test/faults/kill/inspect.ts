import { rm } from "node:fs/promises";
import { startUpstream, type TestUpstream } from "../../upstream/index.ts";
import { aftermathOf } from "../support/aftermath.ts";
import { inParallel } from "../support/in-parallel.ts";
import type { PublishedTag } from "../support/published.ts";
import type { Hit } from "../support/puller.ts";
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
  const findings: Finding[] = [];
  await inParallel(remains, async () => {
    const upstream = await startUpstream();
    const published = options.scenario.publish(upstream);
    for (const { repository, tag, versions } of published) {
      const newest = versions.at(-1);
      if (newest) upstream.tag(repository, tag, newest.digest);
    }
    return {
      async take({ directory, hits, number, label }) {
        const violations = await violationsIn(directory, hits, { ...options, upstream, published });
        if (violations.length > 0) findings.push({ number, label, violations });
        await rm(directory, { recursive: true });
      },
      end: () => upstream.close(),
    };
  });
  return findings.sort((one, other) => one.number - other.number);
}

function violationsIn(
  directory: string,
  hits: readonly Hit[],
  { scenario, main, upstream, published }: InspectOptions & { upstream: TestUpstream; published: PublishedTag[] },
): Promise<string[]> {
  return aftermathOf({
    directory,
    main,
    settings: scenario.settings,
    upstream,
    published,
    hits: hits.filter((hit) => scenario.mustSurvive?.(hit, published) ?? true),
    spoilt: scenario.spoilt?.(published),
  });
}
