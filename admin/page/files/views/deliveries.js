// What arrived: search, look at one, have its memories read again.
import { api, segment } from "../api.js";
import { h, replace } from "../dom.js";
import { bytes, counted, id, number, time } from "../format.js";
import { done, failed } from "../notify.js";
import { countedAction } from "../parts/counted_action.js";
import { filters } from "../parts/filters.js";
import { field, input, select } from "../parts/form.js";
import { pager } from "../parts/pager.js";
import { empty, load } from "../parts/states.js";
import { facts, table } from "../parts/table.js";
import { to } from "../router.js";
import { session } from "../session.js";

const VERDICTS = [["", "Any"], "add", "update", "delete", "categorize", "other", "mixed", "uninterpretable"];
const FILTERS = ["project", "memory", "verdict", "since", "until"];

const tones = { delete: "warn", uninterpretable: "bad" };
const verdict = (text) => h("span", { class: `mark ${tones[text] ?? ""}` }, text);

const memoryLinks = (delivery) => {
  const [first, ...more] = delivery.memories;
  if (!first) return h("span", { class: "faint" }, "none named");
  return [id(first, to(["memories", delivery.project, first])), more.length > 0 ? ` and ${number(more.length)} more` : null];
};

/** Deliveries as a table, for this view and for a memory's. */
export const deliveryTable = (caption, deliveries) => table(caption, [
  { label: "Received", narrow: "title", cell: (each) => h("a", { href: to(["deliveries", each.id]) }, time(each.received_at)) },
  { label: "Verdict", cell: (each) => verdict(each.verdict) },
  { label: "Project", cell: (each) => each.project },
  { label: "Memory", cell: memoryLinks },
  { label: "From", cell: (each) => h("span", { class: "mono" }, each.source) },
  { label: "Size", class: "num", cell: (each) => bytes(each.body_bytes) },
], deliveries);

function list({ body, actions, query, signal }) {
  const box = h("div");
  let present = query;
  const draw = (asked) => {
    present = asked;
    load(box, () => api.get("deliveries", { ...asked, limit: 50 }, signal), (page) => {
      const some = FILTERS.some((name) => asked[name]);
      if (page.deliveries.length === 0) return empty(some ? "No delivery fits." : "Nothing has arrived yet.", some ? "Take a filter away, or look further back." : "Deliveries appear here once Mem0 knows this bridge’s webhook.");
      return [deliveryTable("Deliveries, newest first", page.deliveries), pager("deliveries", asked, page.next)];
    }, signal);
  };
  const form = filters("deliveries", {
    project: field("Project", select("project", [["", "Any"], ...session.who.projects], query.project)),
    memory: field("Memory", input("memory", query.memory, { placeholder: "id" })),
    verdict: field("Verdict", select("verdict", VERDICTS, query.verdict)),
    since: field("Since", input("since", query.since, { placeholder: "2h, 2026-03-01" })),
    until: field("Until", input("until", query.until, { placeholder: "10m, 2026-03-02" })),
  }, draw);
  if (session.may("operator")) replace(actions, h("button", { type: "button", on: { click: () => replay(Object.fromEntries(FILTERS.filter((name) => present[name]).map((name) => [name, present[name]]))) } }, "Replay these…"));
  replace(body, form, box);
  draw(query);
}

async function replay(filter) {
  await countedAction("deliveries/replay", filter, {
    count: (answer) => answer.deliveries,
    words: (count) => ({
      title: `Replay ${counted(count, "delivery", "deliveries")}?`,
      body: "The memories they name are read again from Mem0, and rows that differ are put right. What is right already is not touched.",
      confirm: "Replay",
      done: `${counted(count, "delivery", "deliveries")} replayed.`,
      none: "No delivery fits, so there is nothing to replay.",
    }),
  });
}

async function replayOne(delivery, button) {
  button.disabled = true;
  try {
    const answer = await api.post(`deliveries/${segment(delivery)}/replay`);
    done(answer.memories === 0 ? "It names no memory, so there is nothing to read." : `${counted(answer.memories, "memory", "memories")} will be read again.`);
  } catch (error) {
    failed(error);
  } finally {
    button.disabled = false;
  }
}

/** JSON as people read it; anything else as it came. */
function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function bodySection(delivery, signal) {
  const box = h("div");
  const button = h("button", { type: "button", on: { click: () => {
    button.hidden = true;
    load(box, () => api.get(`deliveries/${segment(delivery)}/body`, {}, signal), (answer) => [
      answer.encoding === "base64" ? h("p", { class: "hint" }, "These bytes are no UTF-8; shown as base64.") : null,
      h("pre", { class: "text", tabindex: 0, "aria-label": "Body" }, answer.body === "" ? "(empty)" : pretty(answer.body)),
    ], signal);
  } } }, "Show the body");
  return h("section", {}, h("h2", {}, "Body"), h("p", { class: "hint gap" }, "It holds a memory’s text. That you looked is written to the audit."), button, box);
}

function detail({ body, actions, parts: [delivery], signal, call }) {
  call("Delivery");
  load(body, () => api.get(`deliveries/${segment(delivery)}`, {}, signal), (answer) => {
    const again = h("button", { type: "button", class: "primary", on: { click: () => replayOne(delivery, again) } }, "Replay");
    replace(actions, h("a", { class: "button", href: "#/deliveries" }, "All deliveries"), session.may("operator") ? again : null);
    return h("div", { class: "stack" },
      facts([
        ["Received", time(answer.received_at)], ["Verdict", verdict(answer.verdict)], ["Project", answer.project],
        ["From", h("span", { class: "mono" }, answer.source)], ["Size", bytes(answer.body_bytes)],
        ["Token", answer.token ? id(answer.token) : "none: another scheme let it in"], ["Id", h("span", { class: "mono" }, answer.id)],
      ]),
      h("section", {}, h("h2", {}, "Memories"),
        answer.memories.length === 0 ? empty("It names no memory.", "It was stored all the same; nothing is read because of it.")
          : h("ul", { class: "plain-list" }, answer.memories.map((memory) => h("li", {}, h("a", { class: "mono", href: to(["memories", answer.project, memory]) }, memory))))),
      session.may("admin") ? bodySection(delivery, signal) : null,
      h("section", {}, h("h2", {}, "Headers"), h("p", { class: "hint gap" }, "Without credentials: those are never stored."),
        table("Headers", [
          { label: "Name", cell: (each) => h("span", { class: "mono" }, each.name) },
          { label: "Value", class: "long", cell: (each) => h("span", { class: "mono" }, each.value) },
        ], answer.headers)));
  }, signal);
}

export default {
  name: "deliveries",
  title: "Deliveries",
  about: "Webhook calls as they arrived. A delivery is a hint; what counts is what Mem0 answers when its memory is read.",
  show: (context) => (context.parts.length > 0 ? detail(context) : list(context)),
};
