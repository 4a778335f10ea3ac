// Loading, empty and error: the three states every list and every detail can be in besides its own.
import { h, replace } from "../dom.js";
import { redraw } from "./live.js";

const WAIT_BEFORE_SAYING_SO = 150;
const latest = new WeakMap();

export const loading = () => h("div", { class: "state", role: "status" }, h("span", { class: "spinner", "aria-hidden": "true" }), "Loading…");

export const empty = (what, hint) => h("div", { class: "state" }, h("p", { class: "state-what" }, what), hint ? h("p", { class: "hint" }, hint) : null);

export function broken(error, again) {
  return h("div", { class: "state bad", role: "alert" },
    h("p", { class: "state-what" }, error.message),
    error.hint ? h("p", { class: "hint" }, error.hint) : null,
    again ? h("p", {}, h("button", { type: "button", on: { click: again } }, "Try again")) : null);
}

/**
 * Fills `box` with what `render` makes of what `ask` answers. While it waits, what stood there stays if `box` was filled before;
 * a first load says so after a moment. Only what was asked last is shown, and nothing after `signal` was aborted.
 */
export async function load(box, ask, render, signal) {
  const mine = Symbol("asked");
  latest.set(box, mine);
  const late = () => signal?.aborted || latest.get(box) !== mine;
  const first = box.childElementCount === 0;
  const saying = first ? setTimeout(() => replace(box, loading()), WAIT_BEFORE_SAYING_SO) : null;
  box.setAttribute("aria-busy", "true");
  try {
    const answer = await ask();
    clearTimeout(saying);
    if (late()) return;
    redraw(box, render(answer));
  } catch (error) {
    clearTimeout(saying);
    if (late() || error.name === "AbortError") return;
    if (error.status === undefined) console.error(error); // a fault of the page itself
    replace(box, broken(error, () => load(box, ask, render, signal)));
  } finally {
    if (latest.get(box) === mine) box.removeAttribute("aria-busy");
  }
}
