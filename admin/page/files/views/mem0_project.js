// A project at Mem0: what the model looks for, and the categories, with the mappings that ask for them.
import { api, segment } from "../api.js";
import { h, replace } from "../dom.js";
import { done, failed } from "../notify.js";
import { ask } from "../parts/dialog.js";
import { complainAt, field, select } from "../parts/form.js";
import { empty, load } from "../parts/states.js";
import { facts, table } from "../parts/table.js";
import { to } from "../router.js";
import { session } from "../session.js";

const categoriesOf = (project) => (project.custom_categories ?? []).flatMap((each) => Object.entries(each));

/** `name: what it is for`, a line each. */
const asLines = (categories) => categories.map(([name, about]) => `${name}: ${about}`).join("\n");
const fromLines = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean).map((line) => {
  const colon = line.indexOf(":");
  return colon < 0 ? [line, line] : [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
});

/** Where mappings of this project ask for categories: [{mapping, category, line}]. */
const usesOf = (mappings, project) => mappings.filter((each) => each.project === null || each.project === project)
  .flatMap((each) => each.categories.map((use) => ({ mapping: each.name, ...use })));

/** What it means for mappings when the project has these categories. Without own ones Mem0 takes its fifteen, which are not known here. */
function effects(uses, before, after) {
  const names = new Set(after.map(([name]) => name));
  const had = new Set(before.map(([name]) => name));
  if (names.size === 0) return [];
  return uses.filter(({ category }) => !names.has(category))
    .map(({ mapping, category, line }) => `${mapping} asks for ${category} in line ${line}, which ${had.has(category) ? "no memory will get any more" : "no memory gets"}.`);
}

async function edit(path, project, uses, again) {
  const before = categoriesOf(project);
  const instructions = [].concat(project.custom_instructions ?? []).join("\n");
  const fields = {
    custom_instructions: field("Instructions", h("textarea", { name: "custom_instructions", rows: 5, class: "few", value: instructions }), "What the model is to look for in what is said, and what to leave out."),
    agent_custom_instructions: field("Instructions for agents", h("textarea", { name: "agent_custom_instructions", rows: 3, class: "few", value: project.agent_custom_instructions ?? "" }), "For memories of agents; empty: as above."),
    custom_categories: field("Categories", h("textarea", { name: "custom_categories", rows: 6, class: "few", value: asLines(before) }), "One a line: name: what it is for. They count for memories that come from now on."),
  };
  const box = h("div", { role: "status" });
  const tell = () => {
    const told = effects(uses, before, fromLines(fields.custom_categories.control.value));
    replace(box, told.map((words) => h("div", { class: "callout bad" }, h("p", {}, words))));
  };
  fields.custom_categories.control.addEventListener("input", tell);
  tell();
  const draft = () => {
    const body = {};
    for (const [name, old] of [["custom_instructions", instructions], ["agent_custom_instructions", project.agent_custom_instructions ?? ""]]) {
      const text = fields[name].control.value.trim();
      if (text !== old) body[name] = text || "none";
    }
    const after = fromLines(fields.custom_categories.control.value);
    if (asLines(after) !== asLines(before)) body.custom_categories = after.map(([name, about]) => ({ [name]: about }));
    return body;
  };
  const answer = await ask({ title: "Edit the project at Mem0", confirm: "Save at Mem0", body: [Object.values(fields), box],
    act: () => api.patch(path, draft()), complain: (error) => complainAt(fields, error.fields ?? {}) });
  if (answer === undefined) return;
  done("Saved at Mem0. It counts for what is said from now on.");
  again();
}

function shown(project, uses) {
  const categories = categoriesOf(project);
  const names = new Set(categories.map(([name]) => name));
  const askedFor = (name) => {
    const own = uses.filter(({ category }) => category === name);
    return own.length === 0 ? h("span", { class: "faint" }, "none") : own.map(({ mapping, line }) => [h("a", { href: to(["mappings", mapping], { line }) }, `${mapping}:${line}`), " "]);
  };
  const missing = names.size === 0 ? [] : [...new Set(uses.map(({ category }) => category))].filter((category) => !names.has(category));
  return h("div", { class: "stack" },
    facts([["Name", project.name], ["At Mem0", h("span", { class: "mono" }, project.project_id)], ["For", project.description]]),
    h("section", {}, h("h2", {}, "Instructions"), project.custom_instructions ? h("p", { class: "long" }, [].concat(project.custom_instructions).join("\n")) : empty("None: Mem0 decides what is worth remembering.")),
    project.agent_custom_instructions ? h("section", {}, h("h2", {}, "Instructions for agents"), h("p", { class: "long" }, project.agent_custom_instructions)) : null,
    h("section", {}, h("h2", {}, "Categories"), categories.length === 0 ? empty("None of its own: Mem0 takes its fifteen.")
      : table("Categories that memories of this project can get", [
        { label: "Category", narrow: "title", cell: ([name]) => name },
        { label: "For", class: "long", cell: ([, about]) => String(about) },
        { label: "Mappings that ask for it", cell: ([name]) => askedFor(name) },
      ], categories)),
    missing.map((category) => h("div", { class: "callout bad" }, h("p", {}, askedFor(category), `asks for ${category}: no memory of this project gets it.`))));
}

export default function show({ body, actions, query, signal, again }) {
  const project = query.project ?? session.platformProjects[0];
  if (!project) return replace(body, empty("The configuration has no project at Mem0’s Platform."));
  const path = `mem0/${segment(project)}/project/current`;
  const choose = select("project", session.platformProjects, project, { "aria-label": "Project" });
  choose.addEventListener("change", () => { location.hash = to("project", { project: choose.value }); });
  load(body, () => Promise.all([api.get(path, {}, signal), api.get("mappings", {}, signal)]), ([known, { mappings }]) => {
    const uses = usesOf(mappings, project);
    replace(actions, session.platformProjects.length > 1 ? choose : null,
      session.may("admin") ? h("button", { type: "button", on: { click: () => edit(path, known, uses, again).catch(failed) } }, "Edit…") : null);
    return shown(known, uses);
  }, signal);
}
