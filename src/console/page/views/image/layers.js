import { fill, h, setStyle } from "../../dom.js";
import { ago, countOf, digestText, formatBytes, imageName, shortDigest } from "../../format.js";
import { factList, panel } from "../../parts/pieces.js";
import { linkToImage } from "../../router.js";

/** @typedef {import("../../documents.d.ts").ImageManifest} ImageManifest */
/** @typedef {import("../../documents.d.ts").ImageBlob} ImageBlob */

/**
 * The blobs of each platform as blocks, as wide as they are large and coloured by whom they belong to.
 * @param {import("../../documents.d.ts").ImageDetail} detail
 */
export function layersPanel({ manifests }) {
  const images = manifests.filter(({ kind, blobs }) => kind !== "index" && blobs.length > 0);
  const absent = manifests.filter(({ kind, isHere }) => kind !== "index" && !isHere);
  return panel(
    "Platforms and layers",
    { id: "layers-title", className: "span-all", note: images.length > 0 ? key() : null },
    images.length === 0 && h("p", { class: "muted" }, "Nothing of its content is here."),
    images.map((manifest) => platform(manifest)),
    absent.length > 0 &&
      h("p", { class: "muted small-print" }, `Not here, as nobody has pulled them: ${absent.map(nameOf).join(", ")}.`),
  );
}

const kinds = {
  unique: "only this image needs it",
  shared: "other images need it too",
  missing: "not here",
};

function key() {
  return h(
    "ul",
    { class: "legend" },
    Object.entries(kinds).map(([kind, words]) => h("li", {}, h("span", { class: `legend-mark block-${kind}` }), words)),
  );
}

/** @param {ImageBlob} blob @returns {keyof typeof kinds} */
function kindOf({ isHere, sharedWithCount }) {
  if (!isHere) return "missing";
  return sharedWithCount > 0 ? "shared" : "unique";
}

/** What no index names is for one platform, which only its config knows. @param {ImageManifest} manifest */
function nameOf({ platform, parents, digest }) {
  return platform ?? (parents.length === 0 ? "Image" : shortDigest(digest));
}

/** @param {ImageManifest} manifest */
function platform(manifest) {
  const { blobs, digest, mediaType, lastPulledAt } = manifest;
  const total = blobs.reduce((sum, { size }) => sum + (size ?? 0), 0);
  const details = h("div", { class: "block-details", role: "status" });
  const blocks = inOrder(blobs).map((blob) => block(blob, { total, details }));
  const name = nameOf(manifest);
  return h(
    "div",
    { class: "platform" },
    h("h3", {}, name),
    h(
      "p",
      { class: "muted" },
      `${formatBytes(total)} in ${countOf(blobs.length, "blob")} · `,
      digestText(digest),
      `${mediaType === null ? "" : ` · ${mediaType}`} · last pulled `,
      ago(lastPulledAt),
    ),
    h("ul", { class: "blocks", "aria-label": `Blobs of ${name}` }, blocks),
    details,
  );
}

/** The index does not know the order of a manifest: the largest come first, the config last. @param {ImageBlob[]} blobs */
function inOrder(blobs) {
  const rank = (/** @type {ImageBlob} */ { role }) => (role === "config" ? 1 : 0);
  return [...blobs].sort((one, other) => rank(one) - rank(other) || (other.size ?? 0) - (one.size ?? 0));
}

/**
 * @param {ImageBlob} blob
 * @param {{ total: number, details: HTMLElement }} place
 */
function block(blob, { total, details }) {
  const { digest, role, size, sharedWithCount } = blob;
  const name = role === "config" ? "Config" : "Layer";
  const kind = kindOf(blob);
  const words = size === null ? "size not known" : formatBytes(size);
  const shared = sharedWithCount > 0 ? `, with ${countOf(sharedWithCount, "other image")}` : "";
  const button = h(
    "button",
    {
      type: "button",
      class: `block block-${kind}`,
      "aria-label": `${name} ${shortDigest(digest)}, ${words}, ${kinds[kind]}${shared}`,
      "aria-pressed": "false",
      onClick: () => {
        for (const other of button.closest("ul")?.querySelectorAll("button") ?? [])
          other.setAttribute("aria-pressed", "false");
        button.setAttribute("aria-pressed", "true");
        fill(details, blobFacts(blob, name));
      },
    },
    h("span", { class: "block-words" }, words),
  );
  const item = h("li", { title: `${name}: ${words}` }, button);
  // Even the smallest can be seen and pressed.
  setStyle(item, { "flex-grow": String(Math.max(total === 0 ? 1 : (size ?? 0) / total, 0.01)) });
  return item;
}

/**
 * @param {ImageBlob} blob
 * @param {string} name
 */
function blobFacts(blob, name) {
  const { digest, size, sharedWith, sharedWithCount } = blob;
  const more = sharedWithCount - sharedWith.length;
  return factList([
    [name, h("code", { class: "wrap" }, digest)],
    ["Size", size === null ? "not known" : formatBytes(size)],
    ["State", kinds[kindOf(blob)]],
    [
      "Shared with",
      sharedWithCount === 0
        ? "no other image"
        : h(
            "ul",
            { class: "plain-list" },
            sharedWith.map((image) => h("li", {}, h("a", { href: linkToImage(image) }, imageName(image)))),
            more > 0 && h("li", { class: "muted" }, `and ${countOf(more, "more image")}`),
          ),
    ],
  ]);
}
