// Asking for a run now.
import { api, segment } from "../api.js";
import { h } from "../dom.js";
import { done } from "../notify.js";
import { ask } from "../parts/dialog.js";
import { complainAt, field, input, select } from "../parts/form.js";
import { session } from "../session.js";

function tick(name, label, hint) {
  const box = h("input", { type: "checkbox", name });
  const element = h("div", { class: "field" }, h("label", { class: "tick" }, box, label), h("p", { class: "hint" }, hint));
  return { box, element };
}

const dry = () => tick("dry_run", "Dry run", "Only looks and counts: changes neither rows nor Mem0.");
const vanishing = () => tick("allow_vanishing", "Let many memories be missing", "A full sweep that misses unusually many stops otherwise, since that rarely is the truth.");
const since = () => field("Since", input("since", "", { placeholder: "2h, 2026-03-01; empty: where the last one ended" }));

async function run(title, body, path, request, fields, look) {
  const answer = await ask({ title, body, confirm: "Run", act: () => api.post(path, request()), complain: (error) => complainAt(fields, error.fields ?? {}) });
  if (answer === undefined) return;
  done(`Run ${answer.id} of ${answer.name} is ${answer.state}.`);
  look();
}

/** Only what was ticked is sent: the API refuses options that mean nothing for a kind. */
const ticked = (...ticks) => Object.fromEntries(ticks.filter(({ box }) => box.checked).map(({ box }) => [box.name, true]));

export function runNow(backfill, look) {
  const options = [dry()];
  const fields = {};
  if (backfill.kind === "export") options.push(tick("full", "Every user", "Also those whose memories did not change since their last export."));
  if (backfill.kind === "full_sweep") options.push(vanishing());
  if (backfill.kind === "incremental_sweep") fields.since = since();
  const request = () => {
    const from = fields.since?.control.value.trim();
    return { ...ticked(...options), ...(from ? { since: from } : {}) };
  };
  return run(`Run ${backfill.name} now?`, [Object.values(fields), options.map(({ element }) => element)], `backfills/${segment(backfill.name)}/runs`, request, fields, look);
}

export function sweepNow(look) {
  const fields = {
    project: field("Project", select("project", session.who.projects)),
    kind: field("Kind", select("kind", [["incremental", "incremental: what changed lately"], ["full", "full: every memory, deletions too"]])),
    since: since(),
  };
  const options = [vanishing(), dry()];
  const turn = () => {
    const full = fields.kind.control.value === "full";
    fields.since.hidden = full;
    options[0].element.hidden = !full;
  };
  fields.kind.control.addEventListener("change", turn);
  turn();
  const request = () => {
    const full = fields.kind.control.value === "full";
    const from = fields.since.control.value.trim();
    return { project: fields.project.control.value, kind: fields.kind.control.value, ...ticked(...options.slice(full ? 0 : 1)), ...(!full && from ? { since: from } : {}) };
  };
  return run("Sweep now?", [Object.values(fields), options.map(({ element }) => element)], "sweeps", request, fields, look);
}
