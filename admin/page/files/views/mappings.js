// The mappings: what check says of them, their source, and what a memory would change.
import { api, segment } from "../api.js";
import { h, replace } from "../dom.js";
import { counted, number } from "../format.js";
import { empty, load } from "../parts/states.js";
import { facts, table } from "../parts/table.js";
import { to } from "../router.js";
import { session } from "../session.js";
import { preview } from "./preview.js";

function verdict(mapping) {
  if (mapping.errors > 0) return h("span", { class: "mark bad" }, counted(mapping.errors, "error"));
  if (mapping.warnings > 0) return h("span", { class: "mark warn" }, counted(mapping.warnings, "warning"));
  return h("span", { class: "mark good" }, "fits its tables");
}

const inForce = (mapping) => (mapping.in_force ? h("span", { class: "mark good" }, "in force") : h("span", { class: "mark warn" }, "file differs"));

function list({ body, query, signal }) {
  load(body, () => api.get("mappings", {}, signal), ({ mappings }) => {
    if (mappings.length === 0) return empty("No mapping is configured.", "Name files under mappings in membridge.yaml.");
    return [
      query.memory ? h("p", { class: "callout" }, "Choose the mapping to preview memory ", h("span", { class: "mono" }, query.memory), " with.") : null,
      table("Mappings", [
        { label: "Mapping", narrow: "title", cell: (each) => h("a", { href: to(["mappings", each.name], { memory: query.memory, project: query.memory ? query.project : each.project }) }, each.name) },
        { label: "Check", cell: verdict },
        { label: "Running", cell: inForce },
        { label: "From", cell: (each) => each.from ?? "cannot be read" },
        { label: "Project", cell: (each) => each.project ?? "every one" },
        { label: "Target", cell: (each) => each.target },
        { label: "Tables", class: "long", cell: (each) => each.tables.join(", ") },
        { label: "Parked", class: "num", cell: (each) => (each.parked > 0 ? h("a", { href: "#/parked" }, number(each.parked)) : "0") },
      ], mappings)];
  }, signal);
}

/** The file with its line numbers; complaints stand under the line they are about. */
function source(text, problems, marked) {
  const lines = text.replace(/\n$/, "").split("\n");
  const about = (number) => problems.filter((problem) => problem.line === number);
  return h("ol", { class: "source", tabindex: 0, role: "list", "aria-label": "The file, line by line" }, lines.map((line, at) => {
    const own = about(at + 1);
    return h("li", { id: `line-${at + 1}`, class: [at + 1 === marked ? "marked" : "", own.length > 0 ? own[0].severity : ""].filter(Boolean).join(" ") || undefined },
      h("code", {}, line || " "), own.map((problem) => h("p", { class: "source-problem" }, `${problem.severity}, column ${problem.column}: ${problem.message}`)));
  }));
}

function problemList(problems) {
  const general = problems.filter((problem) => problem.line === 0);
  return general.map((problem) => h("p", { class: `callout ${problem.severity === "error" ? "bad" : ""}` }, problem.message));
}

function detail({ body, actions, parts: [name], query, signal, call }) {
  call(name);
  replace(actions, h("a", { class: "button", href: "#/mappings" }, "All mappings"));
  load(body, () => api.get(`mappings/${segment(name)}`, { project: query.project }, signal), (mapping) => {
    const errors = mapping.problems.filter((problem) => problem.severity === "error").length;
    const checked = { errors, warnings: mapping.problems.length - errors };
    const lines = source(mapping.source, mapping.problems, Number(query.line));
    // Once it stands in the page.
    setTimeout(() => lines.querySelector(".marked")?.scrollIntoView({ block: "center" }));
    return h("div", { class: "stack" },
      facts([["Check", verdict(checked)], ["Running", inForce(mapping)], ["From", mapping.from ?? "cannot be read"], ["Project", mapping.project ?? "every one"], ["Target", mapping.target],
        ["Tables", mapping.tables.join(", ") || "–"], ["File", h("span", { class: "mono" }, mapping.file)], ["Digest", mapping.digest ? h("span", { class: "mono" }, mapping.digest.slice(0, 12)) : "cannot be read"]]),
      session.may("operator") && mapping.from === "memory" && errors === 0 ? preview(mapping, query, signal) : null,
      h("section", {}, h("h2", {}, "Source"), problemList(mapping.problems), lines));
  }, signal);
}

export default {
  name: "mappings",
  title: "Mappings",
  about: "What a memory means for your tables, file by file, checked against the tables as they are now.",
  show: (context) => (context.parts.length > 0 ? detail(context) : list(context)),
};
