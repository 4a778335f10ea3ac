// Asking again and again while somebody looks: pauses while the tab is hidden or the reader has paused it, and never overlaps itself.
import { h, replace } from "../dom.js";

/** Puts what is new in the place of what was seen, and leaves the focus on the link or button it was on (`data-key` names those). */
export function redraw(box, nodes) {
  const focused = box.contains(document.activeElement) ? document.activeElement : null;
  const same = focused?.dataset.key ? `[data-key="${CSS.escape(focused.dataset.key)}"]` : focused?.hash ? `a[href="${CSS.escape(focused.hash)}"]` : null;
  replace(box, nodes);
  if (same) box.querySelector(same)?.focus({ preventScroll: true });
}

/** Calls `look` now and every `milliseconds` until `signal` is aborted. Answers the switch that pauses it. */
export function live(look, milliseconds, signal) {
  let paused = false;
  let timer;
  let looking = false;
  const plan = () => {
    clearTimeout(timer);
    if (!signal.aborted && !paused && !document.hidden) timer = setTimeout(round, milliseconds);
  };
  async function round() {
    if (looking) return;
    looking = true;
    try {
      await look();
    } finally {
      looking = false;
      plan();
    }
  }
  const tick = h("input", { type: "checkbox", role: "switch", checked: true, on: { change: () => {
    paused = !tick.checked;
    if (paused) clearTimeout(timer);
    else round();
  } } });
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : paused || round()), { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  round();
  return h("label", { class: "switch" }, tick, "Live");
}
