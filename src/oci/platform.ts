const systems = new Map([["macos", "darwin"]]);

/** Other names of an architecture; those of arm say the variant too. */
const architectures = new Map<string, readonly [architecture: string, variant?: string]>([
  ["i386", ["386", ""]],
  ["x86_64", ["amd64"]],
  ["x86-64", ["amd64"]],
  ["aarch64", ["arm64"]],
  ["armhf", ["arm", "v7"]],
  ["armel", ["arm", "v6"]],
]);

/** Other names of a variant; an empty one is what the architecture alone means. */
const variants = new Map([
  ["amd64/v1", ""],
  ["arm64/8", ""],
  ["arm64/v8", ""],
  ["arm/", "v7"],
  ["arm/5", "v5"],
  ["arm/6", "v6"],
  ["arm/7", "v7"],
  ["arm/8", "v8"],
]);

/**
 * `os/arch[/variant]` in its canonical form, which is containerd's (`platforms.Normalize`): lower case, `linux/aarch64/v8`
 * is `linux/arm64`, and `linux/arm` is `linux/arm/v7`. Undefined for what is not a platform.
 */
export function parsePlatform(text: string): string | undefined {
  const [os, architecture, variant, ...rest] = text.split("/");
  if (os === undefined || architecture === undefined || variant === "" || rest.length > 0) return undefined;
  return canonicalPlatform(os, architecture, variant ?? "");
}

/** The platform of a descriptor (image-spec, image-index.md); undefined where there is none that can be read. */
export function platformOfDescriptor(platform: unknown): string | undefined {
  if (typeof platform !== "object" || platform === null) return undefined;
  const { os, architecture, variant } = platform as Record<string, unknown>;
  if (typeof os !== "string" || typeof architecture !== "string") return undefined;
  const given = variant ?? "";
  return typeof given === "string" ? canonicalPlatform(os, architecture, given) : undefined;
}

/**
 * Whether an image for `has` is the one that is `wanted`: the same system, architecture and variant, however either is written.
 * An image without a platform is for nobody in particular, and so is never the one.
 */
export function platformMatches(wanted: string, has: string | undefined): boolean {
  const canonical = parsePlatform(wanted);
  return canonical !== undefined && has !== undefined && canonical === parsePlatform(has);
}

function canonicalPlatform(givenOs: string, givenArchitecture: string, givenVariant: string): string | undefined {
  const [os, name, word] = [givenOs.toLowerCase(), givenArchitecture.toLowerCase(), givenVariant.toLowerCase()];
  if (![os, name].every(isWord) || (word !== "" && !isWord(word))) return undefined;
  const [architecture, implied = word] = architectures.get(name) ?? [name];
  const variant = variants.get(`${architecture}/${implied}`) ?? implied;
  return [systems.get(os) ?? os, architecture, ...(variant === "" ? [] : [variant])].join("/");
}

/** Bounded, because what a registry sends is stored. */
function isWord(text: string): boolean {
  return /^[a-z0-9_.-]{1,64}$/.test(text);
}
