import { h } from "../dom.js";
import { countOf, formatBytes, shortDigest } from "../format.js";
import { confirmed } from "./confirm.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("../documents.d.ts").EvictionReport} EvictionReport */

/**
 * A button that cannot be pressed again until what it does is done; what goes wrong is told in the words of the API.
 * @param {Context} context
 * @param {string} words
 * @param {() => Promise<void>} action
 * @param {{ className?: string, label?: string }} [how]
 */
export function actionButton({ notices }, words, action, { className, label } = {}) {
  const button = h("button", { type: "button", class: className, "aria-label": label }, words);
  const run = async () => {
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    try {
      await action();
    } catch (error) {
      notices.failed(error);
    } finally {
      button.removeAttribute("aria-disabled");
    }
  };
  button.addEventListener("click", () => void run());
  return button;
}

/**
 * @param {Context} context
 * @param {string} image
 */
export async function pin({ api, notices }, image) {
  await api.pin(image);
  notices.done(`${image} is pinned: it will not be evicted.`);
}

/**
 * @param {Context} context
 * @param {string} image
 */
export async function unpin({ api, notices }, image) {
  await api.unpin(image);
  notices.done(`${image} is not pinned any more.`);
}

/**
 * @param {Context} context
 * @param {string} image
 */
export async function refresh({ api, notices }, image) {
  const { outcome, before, after, detail } = await api.refresh(image);
  const words = {
    unchanged: `${image} has not changed upstream.`,
    moved: `${image} has moved from ${shortDigest(before ?? "")} to ${shortDigest(after ?? "")}.`,
    filled: `${image} has been fetched: ${shortDigest(after ?? "")}.`,
    absent: `${image} is not there upstream.`,
    kept: `${image} is kept as it is.`,
  }[outcome];
  notices.done(detail === null ? words : `${words} ${detail}`);
}

/**
 * Asks what would go, then the person, then does it.
 * @param {Context} context
 * @param {string} image
 * @returns {Promise<boolean>} whether it was done
 */
export async function evictImage({ api, notices }, image) {
  const plan = await api.evict({ image, dryRun: true });
  const others = [...new Set(plan.victims.flatMap(({ images }) => images))].filter((other) => other !== image);
  const isSure = await confirmed({
    title: `Evict ${image}?`,
    words: [
      h("p", {}, `${formatBytes(plan.freedBytes)} will be freed.`, sharedWords(plan)),
      others.length > 0 && h("p", {}, `The same content is known as ${others.join(", ")}: it goes too.`),
      h("p", { class: "muted" }, "The next pull fetches it from its upstream again."),
    ],
    action: "Evict",
  });
  if (!isSure) return false;
  const report = await api.evict({ image });
  notices.done(`${image} is evicted; ${formatBytes(report.freedBytes)} are free again.`);
  return true;
}

/** @param {EvictionReport} report */
export function sharedWords({ keptSharedBytes }) {
  return keptSharedBytes > 0 ? ` ${formatBytes(keptSharedBytes)} are needed by other images too and stay.` : "";
}

/** @param {EvictionReport} report */
export function evictedWords(report) {
  return `${countOf(report.victims.length, "image has", "images have")} gone; ${formatBytes(report.freedBytes)} are free again.${sharedWords(report)}`;
}
