import { describe, expect, it } from "vitest";
import { Jobs, OperationRefused, type JobProgress } from "../../../src/admin/index.ts";
import { eventually } from "../../support/eventually.ts";
import { ManualClock } from "../../support/manual-clock.ts";
