import { describe, expect, it } from "vitest";
import { createGate, temperaments } from "../upstream/index.ts";
import { useChromium } from "./support/chromium.ts";
import { pushContent } from "./support/content.ts";
import { useStages } from "./support/stage.ts";
import { visit } from "./support/visit.ts";

const chromium = useChromium();
const openStage = useStages();

describe("the overview", () => {
  it("says how to begin where nothing was pulled, and shows the first pull without being loaded again", async () => {
    const stage = await openStage();
    pushContent(stage.upstream);
    const page = await visit(chromium(), stage);
    const { port } = new URL(stage.instance.url);
    await page.getByRole("heading", { name: "Nothing has been pulled yet" }).waitFor();
    expect(await page.locator("main pre").first().innerText()).toBe(
      `docker pull 127.0.0.1:${port}/docker.io/library/alpine:3`,
    );

    await stage.pull("library/alpine", "3");
    await page.getByRole("heading", { name: "Nothing has been pulled yet" }).waitFor({ state: "hidden" });
    const clients = page.getByRole("region", { name: "Clients" });
    await clients.getByRole("rowheader", { name: "containerd" }).waitFor();
    expect(await clients.innerText()).toContain("just now");
    expect(await clients.innerText()).toMatch(/Not seen since the start: .*docker/);
  });

  it("counts what was saved, and tells each chart in words and in figures", async () => {
    const stage = await openStage();
    pushContent(stage.upstream);
    await stage.pull("library/postgres", "17");
    for (let pulls = 1; pulls < 4; pulls += 1) await stage.pull("library/postgres", "17");
    const page = await visit(chromium(), stage);
    const hitRatio = page.getByRole("region", { name: "Hit ratio" });
    await hitRatio.getByRole("img", { name: /of \d+ requests?\.$/ }).waitFor();
    expect(await hitRatio.locator("canvas").count()).toBe(1);
    await hitRatio.getByText("Figures").click();
    const row = hitRatio.getByRole("row").nth(1);
    expect(await row.innerText()).toMatch(/^\d\d:\d\d\s+\d+ %$/);
    await page.getByRole("button", { name: "24 hours" }).click();
    await hitRatio.getByRole("img", { name: /In the last 24 hours/ }).waitFor();
    expect(await page.getByRole("button", { name: "24 hours" }).getAttribute("aria-pressed")).toBe("true");
    // Three pulls of four came from the cache.
    const saved = page.locator(".tile", { hasText: "Saved" });
    await expect.poll(() => saved.innerText()).toMatch(/3\.8 MiB[\s\S]*of 5\.1 MiB served/);
  });

  it("shows a pull while it goes on, and that it has ended", async () => {
    const stage = await openStage();
    const image = stage.upstream.pushImage("library/demo", "1", { layers: [4_000_000] });
    const layer = image.layers[0];
    if (!layer) throw new Error("the image has a layer");
    const gate = createGate();
    stage.upstream.misbehave({ on: "blob", reference: layer.digest, temperament: temperaments.gated(gate, 1_000_000) });
    const page = await visit(chromium(), stage);
    const now = page.getByRole("region", { name: "Being pulled now" });
    await now.getByText("Nothing is being fetched").waitFor();

    const pulled = stage.pull("library/demo", "1");
    const progress = now.getByRole("progressbar", {
      name: new RegExp(`${layer.digest.slice(0, 19)} of docker.io/library/demo`),
    });
    await progress.waitFor();
    await expect.poll(() => progress.getAttribute("aria-valuenow")).toBe("25");
    expect(await now.innerText()).toMatch(/977 KiB of 3\.8 MiB[\s\S]*1 client/);

    gate.release();
    await pulled;
    await progress.waitFor({ state: "detached" });
    await now.getByText("Nothing is being fetched").waitFor();
  });

  it("shows the store against its budget", async () => {
    const stage = await openStage({ settings: { storage: { maxSize: "10MiB", minFree: "1MiB" } } });
    pushContent(stage.upstream);
    await stage.pull("library/postgres", "17");
    const page = await visit(chromium(), stage);
    const store = page.getByRole("region", { name: "Store" });
    await expect.poll(() => store.innerText()).toMatch(/1\.3 MiB of 10\.0 MiB · 12\.\d %/);
    expect(await store.getByRole("meter").getAttribute("aria-valuetext")).toBe("1.3 MiB of 10.0 MiB");
  });

  it("says that an upstream is down, and what its quota leaves", async () => {
    const stage = await openStage();
    const page = await visit(chromium(), stage, {
      // What the page makes of it is asked here; that the instance says so is the admin API's own affair.
      prepare: (context) =>
        context.route("**/api/v1/upstreams", (route) =>
          route.fulfill({ json: { items: [troubled()], nextCursor: null } }),
        ),
    });
    const upstreams = page.getByRole("region", { name: "Upstreams" });
    await upstreams.getByText("down").waitFor();
    const words = await upstreams.innerText();
    expect(words).toMatch(/23 of 100 low/);
    expect(words).toMatch(/full again in 3 h/);
    expect(words).toMatch(/asked again in a moment/);
    expect(await upstreams.getByRole("meter", { name: "Quota of docker.io" }).getAttribute("aria-valuenow")).toBe("23");
  });
});

/** An upstream of which nothing is as it should be. */
function troubled(): object {
  return {
    name: "docker.io",
    isDefault: true,
    offline: false,
    push: "deny",
    endpoints: [
      {
        host: "registry-1.docker.io",
        isOrigin: true,
        breaker: "open",
        openUntil: new Date(Date.now() + 20_000).toISOString(),
      },
    ],
    quota: {
      limit: 100,
      remaining: 23,
      resetAt: new Date(Date.now() + 3 * 3600_000).toISOString(),
      source: null,
      isLow: true,
      limitedUntil: null,
      pulls: 77,
    },
    requests: 80,
    fetchedBytes: 1,
    savedBytes: 1,
    failures: 3,
  };
}
