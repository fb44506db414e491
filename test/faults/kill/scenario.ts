import type { TestUpstream } from "../../upstream/index.ts";
import type { EntrepotProcess } from "../support/entrepot-process.ts";
import type { PublishedTag } from "../support/published.ts";
import type { Hit, Puller } from "../support/puller.ts";

/** What a scenario acts with. */
export interface Stage {
  readonly instance: EntrepotProcess;
  readonly upstream: TestUpstream;
  readonly published: readonly PublishedTag[];
  /** Its hits are what has to survive. */
  readonly puller: Puller;
}

/** What a scenario prepares with: no instance runs unless it starts one. */
export interface Preparation {
  readonly dataDirectory: string;
  readonly upstream: TestUpstream;
  readonly published: readonly PublishedTag[];
  /** Starts an instance, lets `act` use it, and stops it cleanly. */
  run: (act: (stage: Stage) => Promise<void>) => Promise<void>;
}

/** Something an instance does while it is interrupted at every step, from its start to the end of its clean stop. */
export interface Scenario {
  readonly name: string;
  /** Added to the configuration, also that of the instance that is started afterwards. */
  readonly settings?: Record<string, unknown>;
  /** Puts the content into an upstream, the same each time. Tags stand at their first version. */
  publish(upstream: TestUpstream): PublishedTag[];
  /** Makes the data directory on which the instance starts. Absent: there is none. */
  prepare?(preparation: Preparation): Promise<void>;
  /** What is done while the instance runs. */
  act(stage: Stage): Promise<void>;
  /** Whether what was a hit must still be one; absent: always. For what an eviction may have taken. */
  mustSurvive?(hit: Hit, published: readonly PublishedTag[]): boolean;
  /** Digests of files that `prepare` spoils. */
  spoilt?(published: readonly PublishedTag[]): readonly string[];
}
