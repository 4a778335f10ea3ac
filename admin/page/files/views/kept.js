// Where a memory says one thing and a person wrote another: both values, and the two ways to decide.
import { api } from "../api.js";
import { h, replace } from "../dom.js";
import { id, plain, time } from "../format.js";
import { done, failed } from "../notify.js";
import { filters } from "../parts/filters.js";
import { field, input, select } from "../parts/form.js";
import { pager } from "../parts/pager.js";
import { empty, load } from "../parts/states.js";
import { facts } from "../parts/table.js";
import { keyOf, to } from "../router.js";
import { session } from "../session.js";

const FILTERS = ["project", "table", "memory"];
const value = (cell) => (cell === null || cell === undefined ? h("span", { class: "faint" }, "null") : h("span", { class: "value" }, plain(cell)));

const placeLink = ({ mapping, place }) => {
  const line = Number(place.split(":").at(-1));
  return h("a", { href: to(["mappings", mapping], { line: Number.isInteger(line) && line > 0 ? line : "" }) }, place.split("/").at(-1) || mapping);
};

/** Asks for the list anew when it was decided, or when it turned out that things have changed. */
function decide(cell, label, path, words, tone, again) {
  const button = h("button", { type: "button", class: tone, on: { click: async () => {
    button.disabled = true;
    try {
      const answer = await api.post(`kept/${path}`, { id: cell.id });
      done(words(answer));
      again();
    } catch (error) {
      failed(error);
      button.disabled = false;
      if (error.status === 404 || error.status === 409) again();
    }
  } } }, label);
  return button;
}

function card(cell, again) {
  const name = `${cell.table} ${keyOf(cell.identity)}`;
  return h("article", { class: "row-card", "aria-label": `${name}, ${cell.cell}` },
    h("h3", {}, h("a", { href: to("why", { table: cell.table, key: keyOf(cell.identity), column: cell.cell, target: cell.target }) }, name), " ", h("span", { class: "mono" }, cell.cell)),
    facts([["A person wrote", value(cell.current)], ["The memory says", value(cell.claimed)],
      ["Changed by a person", cell.touched_at ? time(cell.touched_at, { relative: true }) : null], ["Said", time(cell.version, { relative: true })], ["Noticed", time(cell.since, { relative: true })],
      ["Memory", id(cell.memory, to(["memories", cell.project, cell.memory]))], ["Mapping", placeLink(cell)]]),
    h("div", { class: "row-ends" },
      decide(cell, "Take the memory’s value", "take", (answer) => (answer.applied_again ? `${cell.cell} becomes what the memory says.` : `${cell.cell} becomes what is said with the next export or event.`), "", again),
      decide(cell, "Keep the person’s", "dismiss", () => `${cell.cell} stays as it is. It is asked again when a memory says something else.`, "", again)));
}

export default function show({ body, query, signal }) {
  const box = h("div");
  let present = query;
  const draw = (asked) => {
    present = asked;
    return load(box, () => api.get("kept", { ...asked, limit: 25 }, signal), (page) => {
      if (page.cells.length === 0) return FILTERS.some((name) => asked[name]) ? empty("No disagreement fits.", "Take a filter away.") : empty("Nobody disagrees.", "What people wrote stays theirs. Where a memory says something else, the question appears here.");
      return [h("div", { class: "causes" }, page.cells.map((cell) => card(cell, () => draw(present)))), pager("disagreements", asked, page.next, { forward: "More", start: "First" })];
    }, signal);
  };
  replace(body, filters("disagreements", {
    project: field("Project", select("project", [["", "Any"], ...session.who.projects], query.project)),
    table: field("Table", input("table", query.table, { placeholder: "crm.contacts" })),
    memory: field("Memory", input("memory", query.memory, { placeholder: "id" })),
  }, draw), box);
  draw(query);
}
