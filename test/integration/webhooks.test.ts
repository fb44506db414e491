import { createHmac } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { startInstance, type Instance } from "../support/instance.ts";
import { pull } from "../support/pull.ts";
import { Receiver } from "../support/receiver.ts";
import { apiOf, reconciled } from "../support/store.ts";
import { startUpstream, type TestUpstream } from "../upstream/index.ts";
import { withFile } from "../unit/cli/command-line.ts";

const repository = "library/demo";
const image = `docker.io/${repository}:1`;
const secret = "canary-of-the-webhook";

let upstream: TestUpstream;
let receivers: Receiver[];
let instance: Instance;

beforeEach(async () => {
  upstream = await startUpstream({});
  receivers = [await Receiver.start(), await Receiver.start()];
  const secretFile = withFile(secret, "secret");
  const webhooks = receivers.map(({ url }, index) => ({
    url: `${url}/hooks/canary-path`,
    secretFile,
    ...(index === 0 && { only: ["tag-moved"] }),
  }));
  instance = await startInstance({
    settings: { events: { webhooks }, upstreams: { "docker.io": { endpoints: [upstream.url] } } },
  });
  await reconciled(instance);
});

afterEach(async () => {
  await instance.remove();
  await upstream.close();
  await Promise.all(receivers.map((receiver) => receiver.close()));
});

async function moveTag(): Promise<string[]> {
  const first = upstream.pushImage(repository, "1", { layers: [1000] });
  await pull(instance, repository, "1");
  const second = upstream.pushImage(repository, "1", { layers: [2000] });
  expect((await pull(instance, repository, "1", { mustCheck: true })).broken).toEqual([]);
  return [first.digest, second.digest];
}

describe("webhooks of an instance", () => {
  it("are told of a tag that has moved, signed, and counted", async () => {
    const [from, to] = await moveTag();
    const [post] = (await receivers[0]?.posts(1)) ?? [];
    const { body = "", headers = {} } = post ?? {};
    const [, time = "", signature = ""] =
      /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers["entrepot-signature"])) ?? [];
    expect(signature).toBe(createHmac("sha256", secret).update(`${time}.${body}`).digest("hex"));
    expect(JSON.parse(body)).toMatchObject({ kind: "tag-moved", image, from, to, instance: { version: "0.0.0-test" } });
    await apiOf(instance).evict({ image });
    const all = (await receivers[1]?.posts(2)) ?? [];
    expect(all.map((one) => one.headers["entrepot-event"])).toEqual(["tag-moved", "evicted"]);
    expect(receivers[0]?.received).toHaveLength(1);
    await eventually(async () => {
      expect(await instance.metric("entrepot_webhook_deliveries_total", { result: "delivered" })).toBe(3);
    });
  });

  it("that fail hold up no pull and no stop, and show neither their secret nor their path", async () => {
    const [refusing, silent] = receivers;
    if (!refusing || !silent) throw new Error("there are two");
    refusing.answers = [{ status: 410 }];
    silent.answers = ["silence"];
    await moveTag();
    await Promise.all([refusing.posts(1), silent.posts(1)]);
    await eventually(async () => {
      expect(await instance.metric("entrepot_webhook_deliveries_total", { result: "failed" })).toBe(1);
    });
    const metrics = await (await fetch(`${instance.adminUrl}/metrics`)).text();
    expect((await pull(instance, repository, "1")).broken).toEqual([]);
    await instance.stop();
    const told = instance.log.filter(({ msg }) => String(msg).includes("webhook"));
    const hook = (index: number, { url }: Receiver) => `events.webhooks[${index}] (${url})`;
    expect(told).toMatchObject([
      { hook: hook(0, refusing), kind: "tag-moved", reason: "it answers 410" },
      { hook: hook(1, silent), count: 1, msg: "events for a webhook were dropped, as the server stops" },
    ]);
    expect(JSON.stringify(instance.log) + metrics).not.toMatch(/canary/);
  });
});
