import { describe, expect, it } from "vitest";
import { createGate, temperaments } from "../upstream/index.ts";
import { useChromium } from "./support/chromium.ts";
import { pushContent } from "./support/content.ts";
import { useStages } from "./support/stage.ts";
import { visit } from "./support/visit.ts";

const chromium = useChromium();
const openStage = useStages();

describe("the warm page", () => {
  it("fetches images ahead, shows how far each is, and what failed", async () => {
    const stage = await openStage();
    const { postgres } = pushContent(stage.upstream);
    const gate = createGate();
    const layer = postgres.layers[1];
    if (!layer) throw new Error("the image has layers");
    stage.upstream.misbehave({ on: "blob", reference: layer.digest, temperament: temperaments.gated(gate, 450_000) });
    const page = await visit(chromium(), stage, { at: "warm" });
    await page
      .getByLabel("Images, one per line")
      .fill("docker.io/library/alpine:3\ndocker.io/library/postgres:17\ndocker.io/library/absent:1");
    await page.getByRole("button", { name: "Warm", exact: true }).click();
    await expect.poll(() => new URL(page.url()).hash).toMatch(/^#\/warm\?job=/);
    const item = page.getByRole("progressbar", { name: "Warming of docker.io/library/postgres:17" });
    await expect.poll(async () => Number(await item.getAttribute("aria-valuenow"))).toBeGreaterThan(50);
    const progress = page.getByRole("region", { name: "Progress" });
    expect(await progress.innerText()).toMatch(/Running: /);
    gate.release();
    await progress.getByText(/^Done: .* 1 image failed\.$/).waitFor();
    await expect.poll(() => progress.locator(".fill", { hasText: "absent" }).innerText()).toMatch(/failed/);
    expect(await item.getAttribute("aria-valuenow")).toBe("100");
    expect((await stage.instance.api.explain("docker.io/library/postgres:17")).state).toBe("present");
  });

  it("stops when told to, and goes on later from where it was", async () => {
    const stage = await openStage();
    const { postgres } = pushContent(stage.upstream);
    const gate = createGate();
    const layer = postgres.layers[1];
    if (!layer) throw new Error("the image has layers");
    const held = stage.upstream.misbehave({
      on: "blob",
      reference: layer.digest,
      temperament: temperaments.gated(gate, 450_000),
    });
    const page = await visit(chromium(), stage, { at: "warm?image=docker.io%2Flibrary%2Fpostgres%3A17" });
    expect(await page.getByLabel("Images, one per line").inputValue()).toBe("docker.io/library/postgres:17");
    await page.getByRole("button", { name: "Warm", exact: true }).click();
    await gate.reached();
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByText(/Stopped at .* warming again goes on from there\./).waitFor();
    held.stop();
    gate.release();
    await page.getByLabel("Images, one per line").fill("docker.io/library/postgres:17");
    await page.getByRole("button", { name: "Warm", exact: true }).click();
    await page.getByText(/^Done: /).waitFor();
  });

  it("tells in words what it cannot warm", async () => {
    const stage = await openStage();
    const page = await visit(chromium(), stage, { at: "warm", expectedFaults: /status of 400/ });
    await page.getByLabel("Images, one per line").fill("NOT-A-NAME:::");
    await page.getByRole("button", { name: "Warm", exact: true }).click();
    await page.getByRole("alert").waitFor();
    expect(await page.getByRole("alert").innerText()).toContain("NOT-A-NAME");
  });
});
