import { describe, expectTypeOf, it } from "vitest";
import type {
  ActivityDocument,
  EvictionDocument,
  ExplanationDocument,
  ImageDetailDocument,
  ImagesDocument,
  JobDocument,
  RefreshDocument,
  Stats,
  TagHistoryDocument,
  UpstreamDocument,
} from "../../../src/admin/index.ts";
import type * as page from "../../../src/console/page/documents.d.ts";
import type { PublishedEvent } from "../../../src/telemetry/index.ts";

/** Checked by tsc: what the API answers is what the page's modules have been checked with. */
describe("the page's view of the API", () => {
  it("fits what the API answers", () => {
    expectTypeOf<Stats>().toExtend<page.Stats>();
    expectTypeOf<ActivityDocument>().toExtend<page.Activity>();
    expectTypeOf<UpstreamDocument>().toExtend<page.UpstreamItem>();
    expectTypeOf<ImagesDocument>().toExtend<page.ImageList>();
    expectTypeOf<ImageDetailDocument>().toExtend<page.ImageDetail>();
    expectTypeOf<ExplanationDocument>().toExtend<page.Explanation>();
    expectTypeOf<EvictionDocument>().toExtend<page.EvictionReport>();
    expectTypeOf<TagHistoryDocument["items"][number]>().toExtend<page.TagPeriod>();
    expectTypeOf<RefreshDocument>().toExtend<page.Refreshed>();
    expectTypeOf<Omit<JobDocument, "items" | "result">>().toExtend<Omit<page.WarmJob, "items" | "result">>();
    expectTypeOf<NonNullable<JobDocument["items"]>[number]>().toExtend<page.WarmItem>();
    expectTypeOf<PublishedEvent["kind"]>().toEqualTypeOf<page.EntrepotEvent["kind"]>();
    expectTypeOf<Pick<PublishedEvent, "id" | "at">>().toExtend<Pick<page.EntrepotEvent, "id" | "at">>();
  });
});
