import { describe, expect, it } from "vitest";
import { useChromium } from "./support/chromium.ts";
import { pushContent } from "./support/content.ts";
import { useStages } from "./support/stage.ts";
import { goTo, visit } from "./support/visit.ts";

const chromium = useChromium();
const openStage = useStages();

describe("the events page", () => {
  it("shows what happened before it was opened, and what happens while it is open", async () => {
    const stage = await openStage();
    pushContent(stage.upstream);
    await stage.pull("library/alpine", "3");
    await stage.pull("library/postgres", "17");
    await stage.instance.api.evict({ image: "docker.io/library/postgres:17" });
    const page = await visit(chromium(), stage, { at: "events" });
    const events = page.locator(".event");
    await events.getByText("docker.io/library/postgres:17 left the store: somebody evicted it").waitFor();

    stage.upstream.pushImage("library/alpine", "3", { layers: [777] });
    await stage.instance.api.refresh("docker.io/library/alpine:3");
    await events
      .first()
      .getByText(/docker\.io\/library\/alpine:3 moved from sha256:/)
      .waitFor();
    expect(await events.count()).toBe(2);
    await page.getByLabel("Kind").selectOption("Evicted");
    await expect.poll(() => events.count()).toBe(1);
    expect(new URL(page.url()).hash).toBe("#/events?kind=evicted");
    await page.getByLabel("Kind").selectOption("All");
    await page.getByLabel("Search").fill("ALPINE");
    await expect.poll(() => events.count()).toBe(1);
    await page.getByRole("link", { name: "Show image docker.io/library/alpine:3" }).click();
    await page.getByRole("heading", { level: 1, name: "docker.io/library/alpine:3" }).waitFor();
  });

  it("says where nothing has happened", async () => {
    const page = await visit(chromium(), await openStage(), { at: "events" });
    await page.getByText("Nothing has happened yet.").waitFor();
  });
});

describe("text from elsewhere", () => {
  it("stays text, whatever stands in it", async () => {
    const markup = `docker.io/library/<img src=x onerror="document.title='owned'">:<script>document.title='owned'</script>`;
    const event = { id: "0-1", at: new Date().toISOString(), kind: "tag-moved", image: markup, from: null, to: markup };
    const unknown = { id: "0-2", at: "<b>never</b>", kind: "<b>kind</b>", upstream: markup };
    const stream = [event, unknown].map((one) => `id: ${one.id}\nevent: ${one.kind}\ndata: ${JSON.stringify(one)}\n\n`);
    const stage = await openStage();
    const page = await visit(chromium(), stage, {
      prepare: async (context) => {
        await context.route("**/api/v1/events*", (route) =>
          route.fulfill({ contentType: "text/event-stream", body: stream.join("") }),
        );
        await context.route(/\/api\/v1\/image\?/, (route) => route.fulfill({ json: detailOf(markup) }));
        await context.route("**/api/v1/images*", (route) =>
          route.fulfill({
            json: { items: [{ ...someImage, image: markup, pins: [markup] }], nextCursor: null, total: 1 },
          }),
        );
      },
    });
    await goTo(page, "events");
    await page.getByText(markup.slice(0, 40)).first().waitFor();
    expect(await page.locator("main img, main script, main b").count()).toBe(0);
    await goTo(page, "images");
    await page.getByRole("rowheader").getByText("<img").waitFor();
    expect(await page.locator("main img, main script").count()).toBe(0);
    await goTo(page, `image?image=${encodeURIComponent(markup)}`);
    await page.getByRole("heading", { level: 1 }).getByText("<img").waitFor();
    expect(await page.locator("main img, main script").count()).toBe(0);
    await page.getByText(`It is never evicted: pinned by ${markup}.`).waitFor();
    await page.locator("button.block").click();
    await page.getByRole("region", { name: "Platforms and layers" }).getByText("<script>").first().waitFor();
    expect(await page.locator("main img, main script, main b").count()).toBe(0);
    expect(await page.title()).not.toBe("owned");
  });
});

const someImage = {
  digest: `sha256:${"0".repeat(64)}`,
  kind: "image",
  platforms: [{ platform: "<b>linux</b>", digest: "<b>", isHere: true, isComplete: true }],
  bytes: 1,
  uniqueBytes: 1,
  sharedBytes: 0,
  firstFetchedAt: null,
  checkedAt: null,
  lastPulledAt: null,
  isHeld: false,
  isGone: false,
  offlineReady: { isReady: true, platforms: [], missing: [], why: null },
};

/** An image whose every name and word is `markup`. */
function detailOf(markup: string): object {
  const none = { firstFetchedAt: null, lastPulledAt: null };
  const blob = { digest: markup, role: "layer", size: 10, isHere: true, sharedWith: [markup], sharedWithCount: 1 };
  const manifest = { digest: markup, kind: "image", platform: markup, mediaType: markup, size: 1, isHere: true };
  const explanation = {
    ...none,
    ...{ subject: markup, digest: markup, kind: "image", state: "present", size: 1, leasedUntil: null },
    ...{ lastVerifiedAt: null, queue: null, uniqueBytes: 1, sharedBytes: 1, platforms: [], pins: [markup] },
    tags: [{ image: markup, relation: "held" }],
    neededBy: [{ digest: markup, kind: "index", platform: markup, images: [markup] }],
    departures: [{ image: markup, reason: markup, bytes: 1, at: new Date().toISOString() }],
  };
  return {
    ...{ ...someImage, image: markup, digest: markup, pins: [markup], explanation },
    offlineReady: {
      ...{ isReady: false, platforms: [], why: markup },
      missing: [{ platform: markup, digest: markup, what: markup, bytes: null }],
    },
    manifests: [{ ...manifest, lastPulledAt: null, parents: [], blobs: [blob] }],
    referrers: [{ digest: markup, kind: markup }],
    history: [{ digest: markup, firstSeen: "2026-01-01T00:00:00Z", lastSeen: "2026-01-01T00:00:00Z", isCurrent: true }],
  };
}
