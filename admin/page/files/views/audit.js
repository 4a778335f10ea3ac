// Who changed what, and what was refused; with a chain of hashes that shows whether the list was touched.
import { api } from "../api.js";
import { h, replace } from "../dom.js";
import { counted, id, number, time } from "../format.js";
import { filters } from "../parts/filters.js";
import { field, input, select } from "../parts/form.js";
import { pager } from "../parts/pager.js";
import { empty, load } from "../parts/states.js";
import { table } from "../parts/table.js";

const TONES = { done: "good", refused: "warn", failed: "bad" };

const verdict = (answer) => (answer.intact
  ? h("p", { class: "callout good", role: "status" }, `The chain is intact: ${counted(answer.entries, "entry", "entries")} checked.`, answer.head ? h("span", { class: "hint" }, " Head ", h("span", { class: "id", title: answer.head }, answer.head.slice(0, 16)), "; kept elsewhere, it shows later whether the list was rewritten.") : null)
  : h("div", { class: "callout bad", role: "alert" }, h("p", {}, `The chain is broken at entry ${number(answer.broken_at)}: ${answer.problem}`), h("p", { class: "hint" }, "Entries from there on cannot be trusted; compare with a backup.")));

const detail = (entry) => {
  const pairs = Object.entries(entry.detail);
  return pairs.length === 0 ? h("span", { class: "faint" }, "–") : h("span", { class: "mono" }, pairs.map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`).join(" "));
};

export default function show({ body, query, signal }) {
  const chain = h("div", { class: "chain" });
  const box = h("div");
  const draw = (asked) => load(box, () => api.get("audit", { ...asked, limit: 50 }, signal), (page) => (page.entries.length === 0 ? empty("No entry fits.")
    : [table("Audit, newest first", [
      { label: "No.", class: "num", cell: (each) => number(each.number) },
      { label: "At", narrow: "title", cell: (each) => time(each.at) },
      { label: "Who", cell: (each) => [each.actor, each.role ? h("span", { class: "faint" }, ` ${each.role}`) : null] },
      { label: "Action", cell: (each) => h("span", { class: "mono" }, each.action) },
      { label: "Outcome", cell: (each) => h("span", { class: `mark ${TONES[each.outcome] ?? ""}` }, each.outcome) },
      { label: "On", cell: (each) => (each.object === "" || each.object.length > 18 ? id(each.object) : each.object) },
      { label: "Detail", class: "long", narrow: "wide", cell: detail },
      { label: "From", cell: (each) => h("span", { class: "mono" }, each.source) },
    ], page.entries), pager("audit", asked, page.next)]), signal);
  replace(body, chain, filters("audit", {
    actor: field("Who", input("actor", query.actor, { placeholder: "config:ops" })),
    action: field("Action", input("action", query.action, { placeholder: "parked.retry" })),
    outcome: field("Outcome", select("outcome", [["", "Any"], "done", "refused", "failed"], query.outcome)),
    since: field("Since", input("since", query.since, { placeholder: "2h, 2026-03-01" })),
    until: field("Until", input("until", query.until, { placeholder: "10m, 2026-03-02" })),
  }, draw), box);
  load(chain, () => api.get("audit/verify", {}, signal), verdict, signal);
  draw(query);
}
