import { describe, expect, it } from "vitest";
import { useChromium } from "./support/chromium.ts";
import { pushContent } from "./support/content.ts";
import { useStages } from "./support/stage.ts";
import { visit } from "./support/visit.ts";

const chromium = useChromium();
const openStage = useStages();

describe("a page whose instance goes away", () => {
  it("says so, keeps what it knew, and goes on by itself when it is back", async () => {
    const stage = await openStage();
    pushContent(stage.upstream);
    await stage.pull("library/postgres", "17");
    const page = await visit(chromium(), stage, { expectedFaults: /ERR_|Failed to load resource/ });
    const store = page.getByRole("region", { name: "Store" });
    await store.getByText(/1\.3 MiB of/).waitFor();
    await stage.kill();
    const banner = page.getByText("Connection lost.");
    await banner.waitFor();
    expect(await store.innerText()).toContain("1.3 MiB of");
    await stage.start();
    await banner.waitFor({ state: "detached" });
    await stage.pull("library/node", "24", { platforms: ["linux/amd64"] });
    await store.getByText(/1\.8 MiB of/).waitFor();
  });

  it("tells of an action that could not be done", async () => {
    const stage = await openStage();
    pushContent(stage.upstream);
    await stage.pull("library/alpine", "3");
    const page = await visit(chromium(), stage, { at: "images", expectedFaults: /ERR_|Failed to load resource/ });
    const pin = page.getByRole("button", { name: "Pin docker.io/library/alpine:3" });
    await pin.waitFor();
    await stage.kill();
    await pin.click();
    await page
      .getByRole("alert")
      .getByText(/does not answer/)
      .waitFor();
  });
});
