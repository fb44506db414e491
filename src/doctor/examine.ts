import type { Settings } from "../config/index.ts";
import type { ImageName } from "../oci/index.ts";
import { findingsOf, type Finding } from "./finding.ts";
import { examineBudget } from "./instance/budget.ts";
import { examineDataDirectory } from "./instance/data-directory.ts";
import { examineListeners } from "./instance/listener.ts";
import { examineInstance, type InstancePort } from "./instance/running-instance.ts";
import { clockFinding } from "./upstreams/clock.ts";
import { examineUpstream } from "./upstreams/examine-upstream.ts";

export interface ExamineOptions {
  settings: Settings;
  /** This program's. */
  version: string;
  instance: InstancePort;
  /** Nothing is asked of any upstream. */
  isOffline: boolean;
  images: readonly ImageName[];
  environment: NodeJS.ProcessEnv;
  now: () => number;
}

/** Whether this instance is well: what it stands on, what it asks, and what its clients see. */
export async function examine(options: ExamineOptions): Promise<Finding[]> {
  const { settings, instance: port } = options;
  const upstreams = Promise.all(settings.upstreams.map((entry) => examineUpstream(entry, options)));
  const found = await examineInstance(port, options);
  const instance = "readings" in found ? found : undefined;
  const listeners = await examineListeners(settings, instance);
  const examined = (await upstreams).flat();
  const clocks = [instance?.aheadMs, ...examined.map(({ aheadMs }) => aheadMs)].filter((ms) => ms !== undefined);
  return [
    findingsOf("configuration").ok("keys", "valid"),
    ...examineDataDirectory(settings.dataDir, instance !== undefined),
    ...examineBudget(settings, instance?.readings, instance?.pinned),
    ...("readings" in found ? found.findings : [found]),
    ...listeners,
    ...examined.flatMap(({ findings }) => findings),
    clockFinding(clocks),
  ];
}
