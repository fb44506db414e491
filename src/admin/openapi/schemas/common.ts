import { described, list, object, orNull, text, type Schema } from "../schema.ts";

export const commonSchemas: Readonly<Record<string, Schema>> = {
  Digest: { type: "string", pattern: "^(sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$" },
  ImageName: described(text, "In full: docker.io/library/alpine:3, or ghcr.io/org/app@sha256:…"),
  Platform: described(text, "As containerd writes it: linux/amd64, linux/arm/v7"),
  PlatformOrNull: orNull({ type: "string" }),
  Reload: described(
    object({ changed: list(text), needsRestart: list(text) }),
    "Paths as `config print` writes them; what needs a restart stays as it was until then",
  ),
  Problem: described(
    object({
      type: { type: "string", const: "about:blank" },
      title: text,
      status: { type: "integer", minimum: 400, maximum: 599 },
      detail: text,
    }),
    "RFC 9457; `detail` is for people",
  ),
};
