import { Api } from "./api.js";
import { fill, h } from "./dom.js";
import { formatElapsed, keepTimesRight } from "./format.js";
import { Live } from "./live.js";
import { Notices } from "./parts/notices.js";
import { accessTools } from "./parts/access.js";
import { Router } from "./router.js";
import { Session } from "./session.js";
import { themeSwitch } from "./theme.js";
import { eventsView } from "./views/events.js";
import { evictionView } from "./views/eviction.js";
import { imageView } from "./views/image.js";
import { imagesView } from "./views/images.js";
import { missingView } from "./views/missing.js";
import { overviewView } from "./views/overview.js";
import { warmView } from "./views/warm.js";

const pages = [
  { page: "", name: "Overview" },
  { page: "images", name: "Images" },
  { page: "warm", name: "Warm" },
  { page: "eviction", name: "Eviction" },
  { page: "events", name: "Events" },
];

/** @param {string} id */
function place(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no ${id}`);
  return element;
}

const session = new Session();
session.takeFromAddress();
const api = new Api(session);
const live = new Live(api);
const notices = new Notices(place("notices"));
/** @type {import("./context.js").Context} */
const context = { api, session, live, notices };

const router = new Router(
  place("main"),
  {
    "": () => overviewView(context),
    images: (query) => imagesView(context, query),
    image: (query) => imageView(context, query),
    warm: (query) => warmView(context, query),
    eviction: () => evictionView(context),
    events: (query) => eventsView(context, query),
    missing: () => missingView(),
  },
  showWhere,
);

/** @param {string} shown */
function showWhere(shown) {
  const current = shown === "image" ? "images" : shown;
  fill(
    place("nav"),
    pages.map(({ page, name }) =>
      h("a", { href: `#/${page}`, "aria-current": page === current ? "page" : undefined }, name),
    ),
  );
}

function showConnection() {
  const bar = place("connection");
  const words = "Connection lost. What you see may be out of date; trying again…";
  if (live.connection === "lost") fill(bar, h("p", {}, words));
  else fill(bar);
}

function showFoot() {
  if (!live.stats) return;
  const { version, uptimeSeconds } = live.stats;
  fill(place("foot"), h("p", {}, `entrepot ${version} at ${location.host}, up ${formatElapsed(uptimeSeconds)}`));
}

document.querySelector("[data-skip]")?.addEventListener("click", (event) => {
  event.preventDefault();
  place("main").focus();
});
fill(place("tools"), themeSwitch(), accessTools(session));
session.onChange(() => {
  router.renew();
  live.reconnect();
});
live.subscribe((change) => {
  if (change === "connection") showConnection();
  if (change === "stats") showFoot();
});
// A link with a token that is opened in a tab which shows the page already changes the fragment alone.
addEventListener("hashchange", () => session.takeFromAddress());
keepTimesRight();
router.start();
live.start();
