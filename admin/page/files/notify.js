// What came of an action: a note on screen and the same words for screen readers.
import { h } from "./dom.js";

const SHOWN_FOR = 6000;

function note(tone, text, hint) {
  const close = h("button", { class: "note-close", type: "button", "aria-label": "Dismiss", on: { click: () => box.remove() } }, "×");
  const box = h("div", { class: `note ${tone}` }, h("div", {}, h("p", {}, text), hint ? h("p", { class: "hint" }, hint) : null), close);
  let notes = document.getElementById("notes");
  if (!notes) {
    notes = h("div", { id: "notes" });
    document.body.append(notes);
  }
  // Of what went well only the newest counts; what failed stays until somebody has read it.
  notes.querySelector(".good")?.remove();
  notes.append(box);
  if (tone === "good") setTimeout(() => box.remove(), SHOWN_FOR);
}

function say(region, text) {
  const element = document.getElementById(region);
  element.textContent = "";
  // Emptied first, in a task of its own, or the same words twice are not read twice.
  setTimeout(() => {
    element.textContent = text;
  }, 30);
}

export const announce = (text) => say("polite", text);

export function done(text) {
  note("good", text);
  announce(text);
}

export function failed(error) {
  note("bad", error.message, error.hint);
  say("urgent", `${error.message} ${error.hint ?? ""}`);
}
