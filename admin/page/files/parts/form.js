// Fields with their label, hint and complaint tied together for the eye and for screen readers.
import { freshId, h, replace } from "../dom.js";

/** A labelled control. `element.complain(text)` shows what is wrong with it at the field; an empty text takes that away. */
export function field(label, control, hint) {
  const id = control.id || freshId("field");
  control.id = id;
  const trouble = h("p", { class: "field-trouble", id: `${id}-trouble`, hidden: true });
  const described = [hint ? `${id}-hint` : "", `${id}-trouble`].filter(Boolean).join(" ");
  control.setAttribute("aria-describedby", described);
  const element = h("div", { class: "field" }, h("label", { for: id }, label), control, hint ? h("p", { class: "hint", id: `${id}-hint` }, hint) : null, trouble);
  element.control = control;
  element.complain = (text) => {
    trouble.hidden = !text;
    replace(trouble, text ?? "");
    if (text) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  };
  return element;
}

export const input = (name, value = "", more = {}) => h("input", { name, type: "text", value: value ?? "", autocomplete: "off", spellcheck: "false", ...more });

/** `choices` are texts or [value, label]. */
export function select(name, choices, value = "", more = {}) {
  return h("select", { name, ...more }, choices.map((choice) => {
    const [own, label] = Array.isArray(choice) ? choice : [choice, choice];
    return h("option", { value: own, selected: own === value }, label);
  }));
}

/** Several of a few: a fieldset of boxes. `element.chosen()` answers the values that are ticked. */
export function boxes(legend, choices, chosen) {
  const id = freshId("boxes");
  const trouble = h("p", { class: "field-trouble", id, hidden: true });
  const ticks = choices.map((choice) => h("input", { type: "checkbox", value: choice, checked: chosen.includes(choice) }));
  const element = h("fieldset", { class: "field", "aria-describedby": id }, h("legend", {}, legend),
    h("div", { class: "boxes" }, ticks.map((tick) => h("label", { class: "tick" }, tick, tick.value))), trouble);
  element.control = ticks[0];
  element.chosen = () => ticks.filter((tick) => tick.checked).map((tick) => tick.value);
  element.complain = (text) => {
    trouble.hidden = !text;
    replace(trouble, text ?? "");
  };
  return element;
}

/** Shows complaints by field; true when one of them had no field here, so that it must be told elsewhere. */
export function complainAt(fields, complaints) {
  let elsewhere = Object.keys(complaints).length === 0;
  for (const element of Object.values(fields)) element.complain("");
  for (const [name, what] of Object.entries(complaints)) {
    if (fields[name]) fields[name].complain([].concat(what).join(" "));
    else elsewhere = true;
  }
  Object.entries(fields).find(([name]) => complaints[name])?.[1].control.focus();
  return elsewhere;
}
