import { describe, expect, it } from "vitest";
import { faultsOf, load } from "./config-file.ts";

describe("values that are documented, but not built yet", () => {
  it.each([["serve: { offload: nginx }", "serve.offload", '"nginx" is documented, but not built yet; only "none" is']])(
    "are refused with what is possible: %s",
    (yaml, path, message) => {
      expect(faultsOf(yaml)).toEqual([{ path, message }]);
    },
  );

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
  ])("are accepted where they ask for nothing: %s", (yaml) => {
    expect(load(yaml)).toEqual(load(""));
  });

  it("are refused from the environment too, by the variable's name", () => {
    expect(faultsOf("", { ENTREPOT_SERVE_OFFLOAD: "nginx" })).toEqual([
      {
        path: "serve.offload",
        message: '"nginx" is documented, but not built yet; only "none" is (from ENTREPOT_SERVE_OFFLOAD)',
      },
    ]);
    expect(load("", { ENTREPOT_OFFLINE: "false" })).toEqual(load(""));
  });
});
