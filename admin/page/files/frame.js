// What stands around every view: name, places, theme, who is signed in.
import { h, replace } from "./dom.js";
import { openPalette } from "./keys.js";
import { session } from "./session.js";
import { to } from "./router.js";

const THEMES = ["system", "light", "dark"];

function theme() {
  return document.documentElement.dataset.theme ?? "system";
}

function setTheme(next) {
  if (next === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  try {
    localStorage.setItem("membridge.theme", next);
  } catch {
    // Storage is forbidden: the choice lasts as long as the page.
  }
}

/** Goes round the three themes. There may be several of these; they say the same. */
export function themeButton() {
  const button = h("button", { type: "button", class: "quiet theme" }, `Theme: ${theme()}`);
  button.addEventListener("click", () => {
    setTheme(THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);
    for (const each of document.querySelectorAll("button.theme")) replace(each, `Theme: ${theme()}`);
  });
  return button;
}

const leaveButton = () => h("button", { type: "button", class: "quiet", on: { click: () => session.end("You have signed out.") } }, "Sign out");

export const brand = () => h("span", { class: "brand" }, h("img", { src: "page/icon.svg", alt: "", width: 22, height: 22 }), "Membridge");

/** The frame around `main`; `groups` are [heading, views]. `frame.at(name)` marks where one is, `frame.badge(name, count)` counts beside it. */
export function makeFrame(groups, main) {
  const links = new Map();
  const list = groups.map(([heading, views]) => h("div", { class: "places" }, h("h2", {}, heading),
    h("ul", {}, views.map((view) => {
      const badge = h("span", { class: "badge", hidden: true });
      const link = h("a", { href: to(view.name) }, h("span", {}, view.title), badge);
      links.set(view.name, { link, badge });
      return h("li", {}, link);
    }))));
  const nav = h("nav", { id: "places", "aria-label": "Views" }, list, h("div", { class: "places-ends" }, themeButton(), leaveButton()));
  const menu = h("button", { type: "button", class: "menu", "aria-expanded": "false", "aria-controls": "places" }, "Menu");
  const open = (opened) => {
    menu.setAttribute("aria-expanded", String(opened));
    nav.classList.toggle("opened", opened);
  };
  menu.addEventListener("click", () => open(menu.getAttribute("aria-expanded") !== "true"));
  nav.addEventListener("click", (event) => event.target.closest("a") && open(false));
  addEventListener("keydown", (event) => event.key === "Escape" && open(false));
  const element = h("div", { class: "frame" },
    h("header", { class: "top" }, h("a", { class: "home", href: to("overview") }, brand()),
      h("button", { type: "button", class: "find", title: "Search (Ctrl K, or /)", on: { click: openPalette } }, h("span", {}, "Search"), h("kbd", { "aria-hidden": "true" }, "Ctrl K")),
      h("span", { class: "who" }, session.who.name, h("span", { class: "role" }, session.who.role)),
      h("div", { class: "top-ends" }, themeButton(), leaveButton(), menu)),
    nav, main);
  return {
    element,
    at(name) {
      for (const [each, { link }] of links) {
        if (each === name) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
      }
      open(false);
    },
    badge(name, count, words) {
      if (!links.has(name)) return; // a place that this role may not see
      const { badge } = links.get(name);
      badge.hidden = !count;
      replace(badge, String(count), h("span", { class: "unseen" }, ` ${words}`));
    },
  };
}
