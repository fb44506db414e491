import { describe, expect, it } from "vitest";
import { clientFamily, createRequestId } from "../../../src/telemetry/index.ts";

describe("the family of a client", () => {
  it.each([
    [
      "docker/20.10.7 go/go1.13.15 git-commit/b0f5bc3 kernel/5.4 os/linux arch/amd64 UpstreamClient(Docker-Client/20.10.7 \\(linux\\))",
      "docker",
    ],
    ["docker/29.0.0 containerd-client/2.1.4 storage-driver/overlayfs", "docker"],
    ["containerd/v1.7.11-k3s2", "containerd"],
    ["containers/5.29.0 (github.com/containers/image)", "podman"],
    ["libpod/4.9.3", "podman"],
    ["skopeo/1.14.2", "skopeo"],
    ["Buildah/1.33.2", "buildah"],
    ["cri-o/1.29.1 go/go1.21.5 os/linux arch/amd64", "crio"],
    ["buildkit/v0.12", "buildkit"],
    ["go-containerregistry/v0.19.0", "other"],
    ["curl/8.5.0", "other"],
    ["constructor/1", "other"],
    ["", "other"],
    [undefined, "other"],
  ])("of %s is %s", (userAgent, family) => {
    expect(clientFamily(userAgent)).toBe(family);
  });
});

describe("request ids", () => {
  it("are sixteen hex digits, each time others", () => {
    const ids = Array.from({ length: 100 }, createRequestId);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{16}$/);
    expect(new Set(ids).size).toBe(100);
  });
});
