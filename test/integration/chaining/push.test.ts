import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { login } from "../../support/credentials.ts";
import type { Instance } from "../../support/instance.ts";
import { manifestOf, pushBlob, putManifest } from "../../support/push.ts";
import { startUpstream, type TestUpstream } from "../../upstream/index.ts";
import { name, of, startNode } from "./chain.ts";

const users = { ann: "canary-ann" };
const path = of("org/app/manifests/1");
const blobs = [Buffer.from("{}"), Buffer.from("new")];

let registry: TestUpstream;
let parent: Instance;
let node: Instance;

beforeEach(async () => {
  registry = await startUpstream({ auth: { kind: "bearer", users }, pushes: {} });
  parent = await startNode({ above: [registry.url] });
  node = await startNode({ above: [parent, registry.url], upstream: { push: "passthrough" } });
});

afterEach(async () => {
  await node.remove();
  await parent.remove();
  await registry.close();
});

describe("a push through a node that has a parent", () => {
  it("goes to the registry itself, and the next pull has it, though the parent has the tag's earlier version", async () => {
    registry.pushImage("org/app", "1");
    await node.ask(path);
    const pulls = await parent.metric("entrepot_requests_total");
    const pushed = `${name}/org/app`;
    const headers = await login(node, { user: "ann", password: users.ann, scope: `repository:${pushed}:*` });
    const client = { instance: node, name: pushed, headers };
    for (const blob of blobs) await pushBlob(client, blob);
    const manifest = manifestOf(blobs);
    expect((await putManifest(client, "1", manifest)).status).toBe(201);
    expect(await parent.metric("entrepot_requests_total")).toBe(pulls);
    expect((await node.ask(path)).headers["docker-content-digest"]).toBe(manifest.digest);
    expect(JSON.stringify(parent.log)).not.toContain("canary");
  });
});
