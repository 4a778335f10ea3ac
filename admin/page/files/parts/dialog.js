// Questions and forms above the view. <dialog> keeps the focus inside and gives it back to where it was.
import { freshId, h, replace } from "../dom.js";
import { ApiError } from "../api.js";

/**
 * Opens a dialog. `act` runs when it is confirmed, with the button busy; its error is shown inside and the dialog stays. Complaints by
 * field go to `fields`' own places (see form.js). Resolves to what `act` answered, or undefined when it was left.
 */
export function ask({ title, body, confirm, tone = "", act, complain }) {
  const id = freshId("dialog");
  const trouble = h("div", { class: "trouble", role: "alert" });
  const yes = h("button", { type: "submit", class: `primary ${tone}` }, confirm);
  const no = h("button", { type: "button", on: { click: () => dialog.close() } }, act ? "Cancel" : "Close");
  const form = h("form", { novalidate: true }, h("h2", { id }, title), h("div", { class: "dialog-body" }, body), trouble, h("div", { class: "dialog-ends" }, no, act ? yes : null));
  const dialog = h("dialog", { "aria-labelledby": id }, form);
  let answer;
  const closed = new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (yes.disabled) return;
    yes.disabled = true;
    replace(trouble);
    try {
      answer = await act();
      dialog.close();
    } catch (error) {
      if (!(error instanceof ApiError)) console.error(error);
      const elsewhere = complain?.(error) ?? true;
      if (elsewhere) replace(trouble, h("p", {}, error.message), error.hint ? h("p", { class: "hint" }, error.hint) : null);
    } finally {
      yes.disabled = false;
    }
  });
  document.body.append(dialog);
  dialog.showModal();
  return closed;
}
