// YAML with colours and line numbers: to read, and to edit as a draft.
import { freshId, h, replace } from "../dom.js";

const TOKEN = /((?:^|(?<=\s))#.*$)|("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')|(\$[\w.]+)|(\|\s*\w+)|([\w.$;,*[\]-]+(?=:(?:\s|$)))/g;
const KINDS = ["", "comment", "text", "name", "step", "key"];

/** One line of YAML as nodes. */
export function painted(line) {
  const nodes = [];
  let at = 0;
  for (const found of line.matchAll(TOKEN)) {
    if (found.index > at) nodes.push(line.slice(at, found.index));
    nodes.push(h("span", { class: `yaml-${KINDS[found.findIndex((group, place) => place > 0 && group !== undefined)]}` }, found[0]));
    at = found.index + found[0].length;
  }
  if (at < line.length || nodes.length === 0) nodes.push(line.slice(at) || " ");
  return nodes;
}

const worst = (problems) => (problems.some(({ severity }) => severity === "error") ? "error" : problems.length > 0 ? "warning" : "");

/**
 * A text one edits. `element.text` is what stands there, `element.tell(problems)` marks lines and lists what is wrong above it, and
 * `changed` is called with every change.
 */
export function editor(label, text, changed) {
  const id = freshId("problems");
  const paint = h("pre", { class: "paint", "aria-hidden": "true" });
  const list = h("ul", { class: "problems plain-list", id, "aria-live": "polite" });
  let problems = [];
  const area = h("textarea", { "aria-label": label, "aria-describedby": id, spellcheck: "false", autocapitalize: "off", autocomplete: "off", wrap: "off", value: text, on: { input: () => {
    draw();
    changed(area.value);
  } } });
  function draw() {
    replace(paint, area.value.split("\n").map((line, at) => h("span", { class: `paint-line ${worst(problems.filter((problem) => problem.line === at + 1))}` }, painted(line), "\n")));
  }
  const goTo = ({ line, column }) => {
    const lines = area.value.split("\n");
    const start = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0) + Math.max(0, column - 1);
    area.focus();
    area.setSelectionRange(start, start);
  };
  const element = h("div", { class: "editor" }, list, h("div", { class: "editor-sheet" }, h("div", { class: "editor-layers" }, paint, area)));
  Object.defineProperty(element, "text", { get: () => area.value });
  element.tell = (found) => {
    problems = found;
    draw();
    replace(list, found.length === 0 ? h("li", { class: "good" }, "It fits its tables.")
      : found.map((problem) => h("li", { class: problem.severity },
        problem.line === 0 ? null : h("button", { type: "button", class: "link", on: { click: () => goTo(problem) } }, `line ${problem.line}`), ` ${problem.severity}: ${problem.message}`)));
  };
  draw();
  return element;
}
