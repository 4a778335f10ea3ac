// The only place that makes elements. Text arrives through textContent, never as markup: every value shown is untrusted.
const SVG = "http://www.w3.org/2000/svg";
// Set as properties, because their attributes only give a first value.
const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "open", "selected", "indeterminate", "readOnly", "required"]);

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (PROPERTIES.has(name)) element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false).map(asNode));
  return element;
}

const asNode = (child) => (child instanceof Node ? child : document.createTextNode(String(child)));

/** `h("a", {href: "#/", class: "x", on: {click}}, "text", node, [more])`; null, undefined and false children are left out. */
export const h = (tag, properties, ...children) => fill(document.createElement(tag), properties, children);

/** The same for SVG. */
export const svg = (tag, properties, ...children) => fill(document.createElementNS(SVG, tag), properties, children);

/** Puts these in place of what `parent` holds. */
export function replace(parent, ...children) {
  parent.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false).map(asNode));
  return parent;
}

/** Words for screen readers alone, where the eye sees what is meant. */
export const unseen = (text) => h("span", { class: "unseen" }, text);

let last = 0;
/** An id for labels and descriptions that is not used twice. */
export const freshId = (prefix) => `${prefix}-${++last}`;

/** Calls `act` once input has been quiet for a moment. */
export function quiet(act, milliseconds = 250) {
  let timer;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...given), milliseconds);
  };
}
