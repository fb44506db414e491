import { h } from "./dom.js";

const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const seconds = { minute: 60, hour: 3600, day: 86_400 };

/** `12.3 GiB`. @param {number} bytes */
export function formatBytes(bytes) {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  const value = bytes / 1024 ** power;
  return `${power === 0 ? String(Math.round(value)) : value.toFixed(value >= 100 ? 0 : 1)} ${units[power] ?? "B"}`;
}

/** `1,234`. @param {number} count */
export function formatCount(count) {
  return count.toLocaleString("en");
}

/**
 * `1 image`, `2 images`.
 * @param {number} count
 * @param {string} noun
 * @param {string} [nouns]
 */
export function countOf(count, noun, nouns = `${noun}s`) {
  return `${formatCount(count)} ${count === 1 ? noun : nouns}`;
}

/**
 * `12.3 %`; a dash where there is no whole to be part of.
 * @param {number} part
 * @param {number} whole
 */
export function formatPart(part, whole) {
  if (whole <= 0) return "–";
  const percent = (part / whole) * 100;
  return `${percent >= 99.95 || percent === 0 ? percent.toFixed(0) : percent.toFixed(1)} %`;
}

/** `37 s`, `12 min`, `5 h 3 min`, `4 d 2 h`. @param {number} elapsed - In seconds. */
export function formatElapsed(elapsed) {
  const minutes = Math.floor(elapsed / seconds.minute);
  const hours = Math.floor(elapsed / seconds.hour);
  if (minutes < 1) return `${Math.max(0, Math.floor(elapsed))} s`;
  if (hours < 1) return `${minutes} min`;
  if (hours < 24) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(elapsed / seconds.day)} d ${hours % 24} h`;
}

/** `just now`, `12 min ago`, `in 5 h`. @param {string} time */
export function formatAgo(time) {
  const elapsed = (Date.now() - Date.parse(time)) / 1000;
  if (Math.abs(elapsed) < 45) return elapsed < -5 ? "in a moment" : "just now";
  const words = roughly(Math.abs(elapsed));
  return elapsed < 0 ? `in ${words}` : `${words} ago`;
}

/** @param {number} elapsed */
function roughly(elapsed) {
  if (elapsed < 90 * seconds.minute) return `${Math.max(1, Math.round(elapsed / seconds.minute))} min`;
  if (elapsed < 36 * seconds.hour) return `${Math.round(elapsed / seconds.hour)} h`;
  return countOf(Math.round(elapsed / seconds.day), "day");
}

/** Date and time of this place, for people. @param {string} time */
export function formatTime(time) {
  return new Date(time).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });
}

/** `sha256:0123456789ab…`. @param {string} digest */
export function shortDigest(digest) {
  const [algorithm = "", hex = ""] = digest.split(":");
  return `${algorithm}:${hex.slice(0, 12)}`;
}

/**
 * A time told as how long ago it is, kept right while it is shown; the time itself on hovering.
 * @param {string | null} time
 * @param {string} [never]
 */
export function ago(time, never = "never") {
  if (time === null) return h("span", { class: "muted" }, never);
  return h("time", { datetime: time, title: formatTime(time), "data-ago": true }, formatAgo(time));
}

/** Keeps the times of `ago` right. */
export function keepTimesRight() {
  setInterval(() => {
    for (const element of document.querySelectorAll("time[data-ago]")) {
      const words = formatAgo(element.getAttribute("datetime") ?? "");
      if (element.textContent !== words) element.textContent = words;
    }
  }, 10_000);
}

/**
 * A digest, short; the whole of it on hovering, and for who copies it.
 * @param {string} digest
 */
export function digestText(digest) {
  return h("code", { class: "digest", title: digest }, shortDigest(digest));
}

/** The parts of a name of an image, so that the eye finds what differs. @param {string} image */
export function imageName(image) {
  const slash = image.indexOf("/");
  const [, rest = image, reference = ""] = /^(.*?)([:@][^/]*)?$/.exec(image.slice(slash + 1)) ?? [];
  return h(
    "span",
    { class: "image-name" },
    h("span", { class: "image-host" }, image.slice(0, slash + 1)),
    h("span", { class: "image-path" }, rest),
    h("span", { class: "image-tag" }, reference.startsWith("@") ? `@${shortDigest(reference.slice(1))}` : reference),
  );
}
