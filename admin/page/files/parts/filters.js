// The row of fields above a list. What is typed goes into the address at once and into the list after a moment.
import { h, quiet } from "../dom.js";
import { amend } from "../router.js";

/**
 * `fields` are field() elements by name of the query. `changed(query)` draws the list; a change begins at its first page.
 * Answers the form.
 */
export function filters(parts, fields, changed) {
  const values = () => Object.fromEntries(Object.entries(fields).map(([name, element]) => [name, element.control.value.trim()]));
  const apply = () => {
    amend(parts, values());
    changed(values());
  };
  const soon = quiet(apply, 350);
  const clear = h("button", { type: "button", on: { click: () => {
    for (const element of Object.values(fields)) element.control.value = "";
    apply();
  } } }, "Clear");
  const form = h("form", { class: "filters", role: "search", novalidate: true, on: {
    input: soon,
    submit: (event) => {
      event.preventDefault();
      apply();
    },
  } }, Object.values(fields), h("div", {}, clear));
  return form;
}
