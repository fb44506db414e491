import { describe, expect, it } from "vitest";
import { formatSettings } from "../../../src/config/index.ts";
import { faultsOf, load } from "./config-file.ts";

const unknownNginx = {
  path: "serve.offload",
  message:
    "nginx needs the nginx in front to be known: list its address in trustedProxies (127.0.0.1 where it is on this machine), or listen on a unix socket for it",
};

describe("serve.offload: nginx", () => {
  it.each([
    "trustedProxies: [127.0.0.1]",
    "listen: [127.0.0.1:5000, unix:/run/entrepot/pull.sock]",
    "listen: fd:pull",
    "upstreams: { quay.io: { listen: unix:/run/entrepot/quay.sock } }",
  ])("is taken where the nginx in front can be known: %s", (yaml) => {
    const settings = load(`serve: { offload: nginx }\n${yaml}`);
    expect(settings.serve.offload).toBe("nginx");
    expect(formatSettings(settings)).toContain("offload: nginx");
  });

  it("is refused where it cannot, in words that say what to do", () => {
    expect(faultsOf("serve: { offload: nginx }")).toEqual([unknownNginx]);
    const message = `${unknownNginx.message} (from ENTREPOT_SERVE_OFFLOAD)`;
    expect(faultsOf("", { ENTREPOT_SERVE_OFFLOAD: "nginx" })).toEqual([{ ...unknownNginx, message }]);
  });

  it("is told what else there is", () => {
    const [fault] = faultsOf("serve: { offload: apache }");
    expect(fault?.path).toBe("serve.offload");
    expect(fault?.message).toContain("none, nginx");
  });
});
