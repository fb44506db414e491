import { describe, expect, it, onTestFinished } from "vitest";

import { digestOf } from "../../../src/oci/index.ts";
import { createGate, seededBytes, startUpstream, temperaments, type TestUpstream } from "../../upstream/index.ts";
import { connect, failureOf, readAll, repositoryName, tagged, unhurried } from "./fixture.ts";

const app = repositoryName("team/app");

async function startTwo(): Promise<{ origin: TestUpstream; mirror: TestUpstream }> {
  const [origin, mirror] = await Promise.all([startUpstream(), startUpstream()]);
  onTestFinished(() => Promise.all([origin.close(), mirror.close()]).then(() => undefined));
  return { origin, mirror };
}

describe("an origin with a mirror", () => {
  it("answers alone while it works", async () => {
    const { origin, mirror } = await startTwo();
    origin.pushImage(app, "1");
    const { upstream } = connect([origin.url, mirror.url]);
    expect((await upstream.getManifest(app, tagged("1"), unhurried()))?.isFromOrigin).toBe(true);
    expect(await upstream.getManifest(app, tagged("absent"), unhurried())).toBeUndefined();
    expect(mirror.requests.count()).toBe(0);
  });

  it.each([
    ["is reset", temperaments.reset()],
    ["is silent", temperaments.silent()],
    ["answers 503", temperaments.status(503)],
    ["answers 429", temperaments.rateLimited(5)],
    ["answers with a web page", temperaments.htmlPage()],
  ])("is stood in for, flagged, when it %s", async (_, temperament) => {
    const { origin, mirror } = await startTwo();
    const image = mirror.pushImage(app, "1");
    origin.misbehave({ on: "any", temperament });
    const { upstream } = connect([origin.url, mirror.url], { limits: { headerTimeoutMs: 200 } });
    const body = await upstream.getManifest(app, tagged("1"), unhurried());
    expect(body?.isFromOrigin).toBe(false);
    expect(body?.bytes).toEqual(image.manifest);
    expect((await upstream.headManifest(app, tagged("1"), unhurried()))?.isFromOrigin).toBe(false);
  });

  it.each([
    ["401", temperaments.unauthorized()],
    ["403", temperaments.denied()],
  ])("has the last word with a %s", async (status, temperament) => {
    const { origin, mirror } = await startTwo();
    mirror.pushImage(app, "1");
    origin.misbehave({ on: "any", temperament });
    const { upstream } = connect([origin.url, mirror.url]);
    const error = await failureOf(upstream.getManifest(app, tagged("1"), unhurried()));
    expect(error.status).toBe(Number(status));
    expect(mirror.requests.count()).toBe(0);
  });

  it("has its own error thrown when the mirrors refuse, fail or have nothing", async () => {
    const { origin, mirror } = await startTwo();
    origin.misbehave({ on: "any", temperament: temperaments.status(502) });
    const { upstream } = connect([origin.url, mirror.url, mirror.url]);
    for (const temperament of [undefined, temperaments.denied(), temperaments.reset()]) {
      mirror.behave();
      if (temperament) mirror.misbehave({ on: "any", temperament });
      const error = await failureOf(upstream.getManifest(app, tagged("1"), unhurried()));
      expect(error).toMatchObject({ kind: "bad-response", status: 502 });
    }
    expect(mirror.requests.count()).toBeGreaterThanOrEqual(6);
  });

  it("is continued at the mirror when it breaks in the middle of a blob, and asked first again", async () => {
    const { origin, mirror } = await startTwo();
    const bytes = seededBytes("a", 3_000_000);
    const blob = origin.pushBlob(app, bytes);
    mirror.pushBlob(app, bytes);
    origin.misbehave({ on: "blob", times: 1, temperament: temperaments.truncate(1_500_000, "rst") });
    origin.misbehave({ on: "blob", temperament: temperaments.status(503) });
    const { upstream } = connect([origin.url, mirror.url]);
    const body = await upstream.openBlob(app, blob, { from: 0 }, unhurried());
    expect((await readAll(body?.chunks ?? fail())).equals(bytes)).toBe(true);
    expect(origin.requests.count({ kind: "blob" })).toBe(2);
    expect(mirror.requests.filter({ kind: "blob" }).map(({ range }) => range)).toEqual([
      origin.requests.entries[1]?.range,
    ]);
  });

  it("dies in the middle of a blob, the mirror carries on, and dies too when the origin is back", async () => {
    const { origin, mirror } = await startTwo();
    const bytes = seededBytes("a", 6_000_000);
    const blob = origin.pushBlob(app, bytes);
    mirror.pushBlob(app, bytes);
    const [before, between] = [createGate(), createGate()];
    origin.misbehave({ on: "blob", times: 1, temperament: temperaments.gated(before, 2_000_000) });
    mirror.misbehave({ on: "blob", times: 1, temperament: temperaments.gated(between, 2_000_000) });
    const { upstream } = connect([origin.url, mirror.url]);
    const body = await upstream.openBlob(app, blob, { from: 0 }, unhurried());
    const reading = readAll(body?.chunks ?? fail());
    await before.reached();
    await origin.stop();
    await between.reached();
    await origin.restart();
    await mirror.stop();
    expect(digestOf(await reading)).toBe(blob);
    expect(mirror.requests.count({ kind: "blob" })).toBe(1);
    const [first, last] = origin.requests.filter({ kind: "blob" });
    expect([first?.range, last?.range]).toEqual([undefined, expect.stringMatching(/^bytes=[2-5]\d{6}-$/)]);
    expect(mirror.requests.entries[0]?.range).toMatch(/^bytes=[12]\d{6}-$/);
  });

  it("may be below a path", async () => {
    const { origin } = await startTwo();
    const { upstream } = connect(`${origin.url}/prefix/`);
    await upstream.getManifest(app, tagged("1"), unhurried());
    expect(origin.requests.entries.map(({ path }) => path)).toEqual(["/prefix/v2/team/app/manifests/1"]);
  });
});

function fail(): never {
  throw new Error("no body");
}
