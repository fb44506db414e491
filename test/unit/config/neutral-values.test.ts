import { describe, expect, it } from "vitest";
import { load } from "./config-file.ts";

describe("values that ask for nothing", () => {
  it.each([
    "trustedProxies: []",
    "denyDigests: []",
    "events: { webhooks: [] }",
    "offline: false",
    "allowPlaintext: false",
    "access: { mode: open }",
    "serve: { offload: none }",
    "tls: {}",
    "upstreams: { quay.io: { push: deny, bandwidth: 0, offline: false, anonymousFallback: false, allow: [], deny: [] } }",
    "upstreams: { quay.io: { endpoints: [{ url: https://quay.io, trusted: false }] } }",
  ])("change nothing: %s", (yaml) => {
    expect(load(yaml)).toEqual(load(""));
  });

  it("change nothing from the environment either", () => {
    expect(load("", { ENTREPOT_OFFLINE: "false", ENTREPOT_SERVE_OFFLOAD: "none" })).toEqual(load(""));
  });
});
