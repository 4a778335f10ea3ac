// Fast hands: Ctrl-K or / to search, j and k through a list, Enter to open, g and a letter to go to a view.
import { session } from "./session.js";
import { to } from "./router.js";

const PLACES = { o: "overview", d: "deliveries", p: "parked", m: "memories", a: "mappings", k: "disagreements", w: "why", h: "webhooks", b: "backfills" };
let going = false;

const types = (element) => element.closest("input:not([type=checkbox], [type=radio]), textarea, select") !== null;

/** Moves to the next or the one before of the rows that lead somewhere; their links take the focus. */
function move(by) {
  const links = [...document.querySelectorAll("main tr.leads")].map((row) => row.querySelector("a")).filter(Boolean);
  if (links.length === 0) return;
  const row = document.activeElement?.closest("tr.leads");
  const at = row ? links.indexOf(row.querySelector("a")) : by > 0 ? -1 : links.length;
  links[Math.min(links.length - 1, Math.max(0, at + by))].focus();
}

export async function openPalette() {
  if (document.querySelector("dialog[open]") || session.who === null) return;
  const { showPalette } = await import("./palette.js");
  showPalette();
}

export function listenForKeys() {
  addEventListener("keydown", (event) => {
    if (session.who === null || event.defaultPrevented) return;
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      openPalette();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || types(event.target) || document.querySelector("dialog[open]")) return;
    if (going && PLACES[event.key]) location.hash = to(PLACES[event.key]);
    else if (event.key === "/") {
      event.preventDefault();
      openPalette();
    } else if (event.key === "j" || (event.key === "k" && !going)) move(event.key === "j" ? 1 : -1);
    going = event.key === "g" && !going;
  });
}
