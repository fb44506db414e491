import { hashSync } from "bcryptjs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { formatSettings } from "../../../src/config/index.ts";
import { faultsOf, load, withFiles } from "./config-file.ts";

const pushOf = (yaml: string, name: string) => load(yaml).upstreams.find((upstream) => upstream.name === name)?.push;

describe("push", () => {
  it("is denied unless an upstream says otherwise, and printed so that it can be read again", () => {
    const yaml = "upstreams: { ghcr.io: { push: passthrough } }";
    expect([pushOf(yaml, "ghcr.io"), pushOf(yaml, "docker.io")]).toEqual(["passthrough", "deny"]);
    expect(load(formatSettings(load(yaml)))).toEqual(load(yaml));
  });

  it("is one of two words", () => {
    const [fault, ...others] = faultsOf("upstreams: { ghcr.io: { push: allow } }");
    expect([fault?.path, others]).toEqual(["upstreams.ghcr.io.push", []]);
    expect(fault?.message).toContain("passthrough");
  });

  it("is a fault where clients have passwords for entrepot alone", () => {
    const file = join(withFiles({ htpasswd: `ann:${hashSync("right", 4)}` }), "htpasswd");
    const yaml = `
access: { mode: basic, htpasswdFile: "${file}" }
upstreams: { ghcr.io: { push: passthrough }, quay.io: { push: deny } }`;
    expect(faultsOf(yaml)).toEqual([
      { path: "upstreams.ghcr.io.push", message: expect.stringContaining("access.mode: basic") as string },
    ]);
  });
});
