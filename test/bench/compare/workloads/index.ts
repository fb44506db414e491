import type { Workload } from "../workload.ts";
import { blobWorkloads } from "./blobs.ts";
import { coldBlobWorkloads } from "./cold-blob.ts";
import { imagePullWorkload } from "./image-pull.ts";
import { manifestWorkloads } from "./manifests.ts";
import { mixWorkload } from "./mix.ts";
import { slowReadersWorkload } from "./slow-readers.ts";
import { startUpWorkload } from "./start-up.ts";
import { storeSizeWorkloads } from "./store-size.ts";
import { stormWorkload } from "./storm.ts";

/** The rows of the comparison, in the order in which they are measured. */
export const workloads: readonly Workload[] = [
  ...manifestWorkloads,
  ...blobWorkloads,
  ...coldBlobWorkloads,
  stormWorkload,
  imagePullWorkload,
  mixWorkload,
  slowReadersWorkload,
  ...storeSizeWorkloads,
  startUpWorkload,
];
