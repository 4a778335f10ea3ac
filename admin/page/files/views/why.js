// Why a cell holds what it holds: which memory, which line of which mapping, which delivery, and what a person changed.
import { api } from "../api.js";
import { h, replace } from "../dom.js";
import { id, plain, time } from "../format.js";
import { field, input } from "../parts/form.js";
import { empty, load } from "../parts/states.js";
import { facts, table } from "../parts/table.js";
import { amend, to } from "../router.js";

const NAMES = ["table", "key", "column", "target"];
const value = (cell) => (cell === null || cell === undefined ? h("span", { class: "faint" }, "null") : h("span", { class: "value" }, plain(cell)));

const mappingLine = (claim) => {
  const at = claim.place.split(":").at(-1);
  return h("a", { href: to(["mappings", claim.mapping], { line: at, project: claim.project }) }, `${claim.mapping}:${at}`);
};

function owner(cell) {
  if (cell.person) return h("span", { class: "mark warn" }, "a person’s");
  return cell.claims.some((claim) => claim.wins) ? h("span", { class: "mark good" }, "a memory’s") : h("span", { class: "mark" }, "nobody speaks for it");
}

function cellCard(cell) {
  return h("article", { class: "row-card" },
    h("h3", {}, h("span", { class: "mono" }, cell.cell), " ", owner(cell)),
    facts([["Now", value(cell.current)], ["The bridge wrote", value(cell.written)], ["Before the bridge", value(cell.before)]]),
    cell.person ? h("p", { class: "hint gap" }, "What stands there is not what the bridge left, so a person or another program wrote it, and it stays.") : null,
    cell.claims.length === 0 ? null : table(`What memories say of ${cell.cell}, newest first`, [
      { label: "", class: "wins", cell: (claim) => (claim.wins ? h("span", { class: "mark good" }, "wins") : h("span", { class: "mark" }, "older")) },
      { label: "It says", class: "long", narrow: "wide", cell: (claim) => value(claim.value) },
      { label: "Memory", cell: (claim) => id(claim.memory, to(["memories", claim.project, claim.memory])) },
      { label: "Version", cell: (claim) => time(claim.version) },
      { label: "Mapping", cell: mappingLine },
      { label: "Delivery", cell: (claim) => (claim.delivery ? h("a", { href: to(["deliveries", claim.delivery]) }, claim.received_at ? time(claim.received_at) : claim.delivery) : h("span", { class: "faint" }, "not kept")) },
    ], cell.claims));
}

const draw = (answer) => h("div", { class: "stack" },
  h("section", {}, h("h2", {}, `${answer.table} ${Object.entries(answer.identity).map(([name, own]) => `${name}=${own}`).join(", ")}`),
    h("p", { class: "hint gap" }, `In target ${answer.target}. ${answer.created_by_bridge ? "The bridge made this row." : "The row was there before the bridge."}`),
    answer.cells.length === 0 ? empty("No memory speaks for this row’s cells.") : h("div", { class: "causes" }, answer.cells.map(cellCard))));

export default function show({ body, query, signal }) {
  const fields = {
    table: field("Table", input("table", query.table, { placeholder: "crm.contacts" })),
    key: field("Key", input("key", query.key, { placeholder: "17, or email=ada@example.com" })),
    column: field("Column", input("column", query.column, { placeholder: "every one" })),
    target: field("Target", input("target", query.target, { placeholder: "where several fit" })),
  };
  const box = h("div");
  const look = (asked) => {
    if (!asked.table || !asked.key) return void replace(box, empty("Name a table and a row: its primary key, or any column that tells one row.", "A memory’s page leads here too, from each cell it speaks for."));
    load(box, () => api.get("why", asked, signal), draw, signal);
  };
  const form = h("form", { class: "filters", role: "search", novalidate: true, on: { submit: (event) => {
    event.preventDefault();
    const asked = Object.fromEntries(NAMES.map((name) => [name, fields[name].control.value.trim()]));
    fields.table.complain(asked.table ? "" : "A table is needed.");
    fields.key.complain(asked.key ? "" : "A key is needed.");
    amend("why", asked);
    look(asked);
  } } }, Object.values(fields), h("div", {}, h("button", { type: "submit", class: "primary" }, "Explain")));
  replace(body, form, box);
  look(query);
}
