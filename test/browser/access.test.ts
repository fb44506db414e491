import { describe, expect, it } from "vitest";
import { useChromium } from "./support/chromium.ts";
import { pushContent } from "./support/content.ts";
import { useStages } from "./support/stage.ts";
import { column, goTo, visit } from "./support/visit.ts";

const chromium = useChromium();
const openStage = useStages();
const image = "docker.io/library/alpine:3";

describe("without the token", () => {
  it("everything can be read, nothing can be done, and the way to the link is told", async () => {
    const stage = await openStage();
    pushContent(stage.upstream);
    await stage.pull("library/alpine", "3");
    const page = await visit(chromium(), stage, { token: null, at: "images" });
    await expect.poll(() => column(page, "Image")).toEqual([image]);
    for (const address of ["images", `image?image=${image}`, "eviction", "warm"]) {
      await goTo(page, address);
      await page.locator("main").getByText("This page is read-only.").waitFor();
      expect(await page.locator("main").innerText()).toContain("entrepot serve");
      const actions = page.locator("main").getByRole("button", { name: /^(Pin|Unpin|Refresh|Evict|Warm)/ });
      expect(await actions.count()).toBe(0);
    }
  });

  it("actions are unlocked by the token, until the tab forgets it", async () => {
    const stage = await openStage();
    pushContent(stage.upstream);
    await stage.pull("library/alpine", "3");
    const page = await visit(chromium(), stage, { token: null, at: "images" });
    await page.getByRole("button", { name: "Unlock" }).click();
    await page.getByLabel("Admin token").fill(stage.instance.adminToken);
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: `Pin ${image}` }).click();
    await page.getByRole("button", { name: `Unpin ${image}` }).waitFor();
    await page.getByRole("button", { name: "Forget token" }).click();
    await page.locator("main").getByText("This page is read-only.").waitFor();
    expect(await page.getByRole("button", { name: `Unpin ${image}` }).count()).toBe(0);
  });
});

describe("the token", () => {
  it("leaves the address at once, and is kept by this tab alone", async () => {
    const stage = await openStage();
    const page = await visit(chromium(), stage);
    expect(page.url()).toBe(`${stage.url}/#/`);
    await page.getByRole("button", { name: "Forget token" }).waitFor();
    const kept = await page.evaluate("({ local: JSON.stringify(localStorage), cookie: document.cookie })");
    expect(kept).toEqual({ local: "{}", cookie: "" });
    await page.reload();
    await page.getByRole("button", { name: "Forget token" }).waitFor();
    const other = await page.context().newPage();
    await other.goto(stage.url);
    await other.getByText("Read-only", { exact: true }).waitFor();
  });

  it("is sent as Authorization to the API, and to nothing else", async () => {
    const stage = await openStage();
    const sent: { path: string; authorization: string | undefined; url: string }[] = [];
    const page = await visit(chromium(), stage, {
      prepare: (context) =>
        Promise.resolve(
          context.on("request", (request) => {
            const { pathname } = new URL(request.url());
            sent.push({ path: pathname, authorization: request.headers()["authorization"], url: request.url() });
          }),
        ),
    });
    await page.getByRole("button", { name: "Forget token" }).waitFor();
    await expect.poll(() => sent.filter(({ path }) => path.startsWith("/api/")).length).toBeGreaterThan(2);
    for (const { path, authorization } of sent) {
      expect([path, authorization !== undefined]).toEqual([path, path.startsWith("/api/v1/")]);
    }
    expect(sent.filter(({ url }) => url.includes(stage.instance.adminToken))).toEqual([]);
  });

  it("that is not the instance's own is said to be wrong, and the page can be read all the same", async () => {
    const stage = await openStage();
    pushContent(stage.upstream);
    await stage.pull("library/alpine", "3");
    const page = await visit(chromium(), stage, {
      token: "not-the-token",
      at: "images",
      expectedFaults: /status of 401/,
    });
    await page.getByText("Wrong token", { exact: true }).waitFor();
    await page.getByText("The token of this tab is not the one of this instance.").waitFor();
    await expect.poll(() => column(page, "Image")).toEqual([image]);
    expect(await page.getByRole("button", { name: `Pin ${image}` }).count()).toBe(0);
  });
});
