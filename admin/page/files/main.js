// Starts the page: signs in, then shows the view its address names.
import { api } from "./api.js";
import { h, replace } from "./dom.js";
import { makeFrame } from "./frame.js";
import { announce } from "./notify.js";
import { listenForKeys } from "./keys.js";
import { broken } from "./parts/states.js";
import { onPlace, place } from "./router.js";
import { session } from "./session.js";
import { showSignIn } from "./signin.js";
import { groups, viewFor } from "./views/all.js";

const box = document.getElementById("frame");
let frame = null;
let main = null;
let leaving = new AbortController();
let shown = "";

/** Draws the view of the present address; `loaded`: because the browser has just loaded the page. */
function show(loaded = false) {
  if (session.who === null) return;
  leaving.abort();
  leaving = new AbortController();
  const { parts, query } = place();
  const view = viewFor(parts[0] ?? "overview");
  const moved = shown !== parts.join("/");
  shown = parts.join("/");
  frame.at(view.name);
  const title = h("h1", { tabindex: "-1" }, view.title);
  const actions = h("div", { class: "actions" });
  const body = h("div", { class: "view" });
  replace(main, h("div", { class: "view-head" }, h("div", {}, title, h("p", { class: "lead" }, view.about)), actions), body);
  document.title = `${view.title} · Membridge`;
  const { signal } = leaving;
  const context = { body, actions, parts: parts.slice(1), query, signal, again: () => show(), badge: frame.badge, forbidden: view.forbidden ?? false,
    call: (text) => {
      replace(title, text);
      document.title = `${text} · Membridge`;
    } };
  view.load().then((module) => signal.aborted || module.default(context), () => {
    if (!signal.aborted) replace(body, broken({ message: "The bridge does not answer, so this view could not be fetched.", hint: "Is membridge serve running, and is the way to it open?" }, () => location.reload()));
  });
  if (loaded) return; // the focus begins where the document does, at the skip link
  if (moved) {
    scrollTo(0, 0);
    title.focus({ preventScroll: true });
    announce(view.title);
  } else if (document.activeElement === document.body) {
    title.focus({ preventScroll: true }); // what had the focus was drawn anew
  }
}

function enter(loaded = false) {
  main = h("main", { id: "main", tabindex: "-1" });
  frame = makeFrame(groups(), main);
  replace(box, frame.element);
  shown = "";
  show(loaded);
  // The other views follow once this one can be read, so that going there needs no answer.
  const fetchOthers = () => {
    if (!document.querySelector("main .view")?.childElementCount || document.querySelector("main .spinner")) setTimeout(fetchOthers, 300);
    else groups().forEach(([, views]) => views.forEach((view) => view.load().catch(() => null)));
  };
  setTimeout(fetchOthers, 300);
}

function closeDialogs() {
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
}

function leave(why) {
  leaving.abort();
  closeDialogs();
  document.getElementById("notes")?.remove();
  showSignIn(box, why, () => enter());
}

async function start() {
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address after '#' is the view's
    document.getElementById("main")?.focus();
  });
  session.onEnd(leave);
  listenForKeys();
  onPlace(() => {
    closeDialogs(); // a question belongs to the view it was asked in; Back leaves both
    show();
  });
  if (session.token === null) return leave();
  try {
    session.signedIn(await api.get("session"));
    enter(true);
  } catch (error) {
    if (error.status !== 401) leave(`${error.message} ${error.hint}`);
  }
}

start();
