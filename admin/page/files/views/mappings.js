// The mappings: what check says of them, their source, and what a memory would change.
import { api, segment } from "../api.js";
import { h, replace } from "../dom.js";
import { counted, number, time } from "../format.js";
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

const STANDINGS = { same: ["good", "in force"], differs: ["warn", "changed, looked at in a moment"], refused: ["bad", "edit refused"] };
const standing = ({ on_disk }) => h("span", { class: `mark ${STANDINGS[on_disk][0]}` }, STANDINGS[on_disk][1]);

/** What stands on the disk and was refused; everything else in these views is what is in force. */
function notice(refused) {
  if (refused === null) return null;
  return h("div", { class: "callout bad", role: "status" },
    h("p", {}, "The mapping files as they are on disk were refused ", time(refused.at, { relative: true }), ". What you see here is in force, as it was before."),
    h("ul", {}, refused.problems.map(({ file, line, column, severity, message }) => h("li", {}, h("span", { class: "mono" }, [file.split("/").at(-1), line, column].filter((part) => part !== 0).join(":")), ` ${severity}: ${message}`))),
    h("p", { class: "hint" }, "Mend the files: the bridge looks at them again by itself."));
}

function list({ body, query, signal }) {
  load(body, () => api.get("mappings", {}, signal), ({ mappings, refused }) => {
    if (mappings.length === 0) return empty("No mapping is configured.", "Name files under mappings in membridge.yaml.");
    return h("div", { class: "stack" },
      notice(refused),
      query.memory ? h("p", { class: "callout" }, "Choose the mapping to preview memory ", h("span", { class: "mono" }, query.memory), " with.") : null,
      table("Mappings", [
        { label: "Mapping", narrow: "title", cell: (each) => h("a", { href: to(["mappings", each.name], { memory: query.memory, project: query.memory ? query.project : each.project }) }, each.name) },
        { label: "Check", cell: verdict },
        { label: "File", cell: standing },
        { label: "From", cell: (each) => each.from },
        { label: "Project", cell: (each) => each.project ?? "every one" },
        { label: "Target", cell: (each) => each.target },
        { label: "Tables", class: "long", cell: (each) => each.tables.join(", ") },
        { label: "Parked", class: "num", cell: (each) => (each.parked > 0 ? h("a", { href: "#/parked" }, number(each.parked)) : "0") },
      ], mappings));
  }, signal);
}

/** A file with its line numbers; complaints stand under the line they are about. */
function source(label, text, problems, marked) {
  const lines = text.replace(/\n$/, "").split("\n");
  const about = (number) => problems.filter((problem) => problem.line === number);
  return h("ol", { class: "source", tabindex: 0, role: "list", "aria-label": label }, lines.map((line, at) => {
    const own = about(at + 1);
    return h("li", { class: [at + 1 === marked ? "marked" : "", own.length > 0 ? own[0].severity : ""].filter(Boolean).join(" ") || undefined },
      h("code", {}, line || " "), own.map((problem) => h("p", { class: "source-problem" }, `${problem.severity}, column ${problem.column}: ${problem.message}`)));
  }));
}

function problemList(problems) {
  const general = problems.filter((problem) => problem.line === 0);
  return general.map((problem) => h("p", { class: `callout ${problem.severity === "error" ? "bad" : ""}` }, problem.message));
}

function refusedEdit({ file, source_on_disk, refused }) {
  if (source_on_disk === null || refused === null) return null;
  const problems = refused.problems.filter((problem) => problem.file === file);
  return h("section", {}, h("h2", {}, "The refused edit"), problemList(problems), source("The file on disk, line by line", source_on_disk, problems));
}

function detail({ body, actions, parts: [name], query, signal, call }) {
  call(name);
  replace(actions, h("a", { class: "button", href: "#/mappings" }, "All mappings"));
  load(body, () => api.get(`mappings/${segment(name)}`, { project: query.project }, signal), (mapping) => {
    const errors = mapping.problems.filter((problem) => problem.severity === "error").length;
    const checked = { errors, warnings: mapping.problems.length - errors };
    const lines = source("The file in force, line by line", mapping.source, mapping.problems, Number(query.line));
    // Once it stands in the page.
    setTimeout(() => lines.querySelector(".marked")?.scrollIntoView({ block: "center" }));
    return h("div", { class: "stack" },
      notice(mapping.refused),
      facts([["Check", verdict(checked)], ["On disk", standing(mapping)], ["From", mapping.from], ["Project", mapping.project ?? "every one"], ["Target", mapping.target],
        ["Tables", mapping.tables.join(", ") || "–"], ["File", h("span", { class: "mono" }, mapping.file)], ["Digest", h("span", { class: "mono" }, mapping.digest.slice(0, 12))]]),
      session.may("operator") && mapping.from === "memory" && errors === 0 ? preview(mapping, query, signal) : null,
      h("section", {}, h("h2", {}, mapping.on_disk === "same" ? "Source" : "Source in force"), problemList(mapping.problems), lines),
      refusedEdit(mapping));
  }, signal);
}

export default (context) => (context.parts.length > 0 ? detail(context) : list(context));
