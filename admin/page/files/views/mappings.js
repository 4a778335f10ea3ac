// The mappings: what check says of them, their source, what a memory would change, and drafts of them.
import { api, segment } from "../api.js";
import { h, quiet, replace } from "../dom.js";
import { counted, number, time } from "../format.js";
import { done, failed } from "../notify.js";
import { ask } from "../parts/dialog.js";
import { editor, painted } from "../parts/editor.js";
import { empty, load } from "../parts/states.js";
import { facts, table } from "../parts/table.js";
import { to } from "../router.js";
import { session } from "../session.js";
import { preview } from "./preview.js";

const TAKES_OVER_AFTER = 1500;
const drafts = new Map(); // by mapping, {text, digest}: of the file it was begun with; they live as long as the page

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
    h("p", { class: "hint" }, "Fix the files: the bridge looks at them again by itself."));
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
      h("code", {}, painted(line)), own.map((problem) => h("p", { class: "source-problem" }, `${problem.severity}, column ${problem.column}: ${problem.message}`)));
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

const sourceSection = (mapping, lines, ...actions) => h("section", {},
  h("div", { class: "section-head" }, h("h2", {}, mapping.on_disk === "same" ? "Source" : "Source in force"), h("div", { class: "inline" }, actions)), problemList(mapping.problems), lines);

function download(name, text) {
  const address = URL.createObjectURL(new Blob([text], { type: "application/yaml" }));
  h("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/** Preview and source side by side; the source can be edited as a draft, which the preview then follows. Nothing is saved. */
/** Puts a draft in the place of the file, after asking. Answers whether it was done. */
async function save(mapping, query, draft) {
  const answer = await ask({ title: `Save the draft over ${fileName(mapping)}?`, confirm: "Save over the file",
    body: [h("p", {}, "It is checked once more and takes over within a second. Memories that come from now on follow it; for those read before, run membridge reproject."), h("p", { class: "hint" }, mapping.file)],
    act: () => api.post(`mappings/${segment(mapping.name)}/file`, { source: draft.text, file_digest: draft.digest, project: mapping.project ?? query.project }) });
  return answer !== undefined;
}

const fileName = ({ file }) => file.split("/").at(-1);

function workshop(mapping, query, signal, errors, lines, again) {
  const draft = { ...(drafts.get(mapping.name) ?? { text: null, digest: null }), tell() {} };
  const box = h("div");
  const tries = mapping.from === "memory" && errors === 0;
  const preview_ = preview(mapping, query, signal, draft);
  const soon = quiet(() => preview_.look(), 450);
  const read = () => {
    draft.text = null;
    drafts.delete(mapping.name);
    preview_.hidden = !tries;
    replace(box, sourceSection(mapping, lines, h("button", { type: "button", on: { click: () => edit(mapping.source_on_disk ?? mapping.source, mapping.file_digest) } }, "Edit a draft")));
    preview_.look();
  };
  const edit = (text, digest) => {
    draft.text = text;
    draft.digest = digest;
    preview_.hidden = mapping.from !== "memory";
    const mine = mapping.may_be_saved && session.may("admin") && digest !== null;
    const saving = mine ? h("button", { type: "button", class: "primary", disabled: true, on: { click: () => save(mapping, query, draft).then((saved) => {
      if (!saved) return;
      done("Saved. It takes over in a moment.");
      drafts.delete(mapping.name);
      setTimeout(again, TAKES_OVER_AFTER);
    }, failed) } }, "Save…") : null;
    const sheet = editor("The draft", text, (changed) => {
      draft.text = changed;
      drafts.set(mapping.name, { text: changed, digest });
      if (saving) saving.disabled = true; // until it is checked
      soon();
    });
    draft.tell = (problems) => {
      sheet.tell(problems.filter(({ file }) => file === mapping.file));
      if (saving) saving.disabled = problems.some(({ severity }) => severity === "error") || draft.text === (mapping.source_on_disk ?? mapping.source);
    };
    replace(box, h("section", {},
      h("div", { class: "section-head" }, h("h2", {}, "Draft"), h("div", { class: "inline" }, saving,
        h("button", { type: "button", class: mine ? "" : "primary", on: { click: () => download(fileName(mapping), draft.text) } }, "Download"),
        h("button", { type: "button", on: { click: async () => {
          await navigator.clipboard.writeText(draft.text);
          done("Copied.");
        } } }, "Copy"),
        h("button", { type: "button", on: { click: read } }, "Discard the draft"))),
      h("p", { class: "hint gap" }, "Checked and previewed as you type. ", mine ? "It can be saved, or put by hand in the place of " : "Nothing is saved: put the file in the place of ", h("span", { class: "mono" }, mapping.file), mine ? "; either way it takes over within seconds." : " to have it take over."),
      sheet));
    preview_.look();
  };
  if (draft.text === null) read();
  else edit(draft.text, draft.digest);
  return [preview_, box];
}

function detail({ body, actions, parts: [name], query, signal, call, again }) {
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
      session.may("operator") ? workshop(mapping, query, signal, errors, lines, again) : sourceSection(mapping, lines),
      refusedEdit(mapping));
  }, signal);
}

export default (context) => (context.parts.length > 0 ? detail(context) : list(context));
