import type { Workload } from "../workload.ts";
import { blobWorkloads } from "./blobs.ts";
import { manifestWorkloads } from "./manifests.ts";

/** The rows of the comparison, in the order in which they are measured. */
export const workloads: readonly Workload[] = [...manifestWorkloads, ...blobWorkloads];
