// Endpoints that are told of changes: how each goes, and what an operator can do about one.
import { api, segment } from "../api.js";
import { h, replace, unseen } from "../dom.js";
import { counted, number, time } from "../format.js";
import { done, failed } from "../notify.js";
import { ask } from "../parts/dialog.js";
import { complainAt, field, input } from "../parts/form.js";
import { live } from "../parts/live.js";
import { empty, load } from "../parts/states.js";
import { facts, table } from "../parts/table.js";
import { to } from "../router.js";
import { session } from "../session.js";

const EVERY = 2000;
const MOST_COUNTED = 100_000;
const STATES = {
  told: ["told", "good", "Everything was posted."],
  behind: ["behind", "", "Changes wait to be posted."],
  failing: ["failing", "bad", "The endpoint did not take the last message; it is tried again, with growing pauses."],
  paused: ["paused", "warn", "Nothing is posted until it is resumed; changes wait."],
  unknown: ["unknown", "warn", "The target’s database does not answer."],
};
const PAUSED_BY = { operator: "an operator", gone: "the bridge: the endpoint answered 410, so it is gone for good", failing: "the bridge: the endpoint failed for days" };

const mark = ({ state }) => {
  const [word, tone, why] = STATES[state] ?? [state, "", ""];
  return h("span", { class: `mark ${tone}`, title: why }, word);
};
const waiting = ({ waiting: count }) => (count >= MOST_COUNTED ? `at least ${number(count)}` : number(count));
const some = (list, all) => (list.length === 0 ? h("span", { class: "faint" }, all) : h("span", { class: "mono" }, list.join(", ")));

const list = ({ feeds }) => (feeds.length === 0 ? empty("No feed is configured.", "Set feed: true at a target and name endpoints under feeds: in the configuration; then each row the bridge changes is posted there.")
  : table("Feeds", [
    { label: "Feed", narrow: "title", cell: (each) => h("a", { href: to(["feeds", each.feed]) }, each.feed) },
    { label: "State", cell: mark },
    { label: "Waiting", cell: waiting },
    { label: "Oldest", cell: (each) => time(each.oldest, { relative: true }) },
    { label: "Posted", cell: (each) => number(each.posted) },
    { label: "Last posted", cell: (each) => time(each.posted_at, { relative: true }) },
    { label: "Endpoint", class: "long", narrow: "wide", cell: (each) => h("span", { class: "mono" }, each.address) },
    { label: "Tells of", class: "long", narrow: "wide", cell: (each) => some(each.tables, "every table") },
  ], feeds, { rowHref: (each) => to(["feeds", each.feed]) }));

const stuck = ({ attempts, parked }) => attempts > 0 || parked.length > 0;

async function pause({ feed }) {
  const { changed } = await api.post(`feeds/${segment(feed)}/pause`);
  done(changed ? `${feed} is paused: changes wait until it is resumed.` : `${feed} is paused already.`);
}

async function resume({ feed }) {
  await api.post(`feeds/${segment(feed)}/resume`, {});
  done(`${feed} goes on, and is tried at once.`);
}

async function skip({ feed }) {
  const answer = await ask({ title: `Leave out the message under way of ${feed}?`, confirm: "Leave it out", tone: "danger",
    body: h("p", {}, "Its changes are never posted, so the endpoint misses them: those of the message under way, and all that are refused and wait below. Use it when the endpoint will never take them."),
    act: () => api.post(`feeds/${segment(feed)}/resume`, { skip: true }) });
  if (answer !== undefined) done("The message was left out, and the feed goes on.");
}

async function replay({ feed }) {
  const since = field("Since", input("since", "1h", { placeholder: "2h, 2026-03-01, or 2026-03-01T09:00:00Z" }), "Single changes are posted under the same webhook-id as before, so a careful endpoint knows them.");
  const meant = await ask({ title: `Post changes of ${feed} again?`, confirm: "Count them", body: since,
    act: () => api.post(`feeds/${segment(feed)}/replay`, { since: since.control.value.trim(), dry_run: true }), complain: (error) => complainAt({ since }, error.fields ?? {}) });
  if (meant === undefined) return;
  if (meant.changes === 0) return void done("No change since then was posted.");
  const asked = since.control.value.trim();
  const answer = await ask({ title: `Post ${counted(meant.changes, "change")} again?`, confirm: "Post them", body: h("p", {}, `To ${feed}, all since ${asked}.`),
    act: () => api.post(`feeds/${segment(feed)}/replay`, { since: asked, expected_count: meant.changes }) });
  if (answer !== undefined) done(`${counted(answer.changes, "change")} will be posted again.`);
}

async function tryOut({ feed }) {
  const { ok, status, problem } = await api.post(`feeds/${segment(feed)}/test`);
  if (ok) done(`The endpoint took the test message: ${status}.`);
  else failed({ message: `The endpoint did not take the test message: ${problem ?? status}`, hint: "Compare its address and secrets with the configuration." });
}

function buttons(feed, again) {
  if (!session.may("operator")) return null;
  const button = (label, act, tone = "") => h("button", { type: "button", class: tone, "data-key": label, on: { click: (event) => {
    const { target } = event;
    target.disabled = true;
    act(feed).catch(failed).finally(() => {
      target.disabled = false;
      again();
    });
  } } }, label);
  return [feed.state === "paused" ? button("Resume", resume, "primary") : button("Pause", pause), feed.state === "failing" || feed.parked.length > 0 ? button("Try now", resume, "primary") : null,
    button("Send a test", tryOut), button("Replay…", replay), stuck(feed) ? button("Leave out a message…", skip, "danger") : null];
}

function trouble(feed) {
  if (feed.state === "unknown") return h("div", { class: "callout bad" }, h("p", {}, `Target ${feed.target} does not answer, so nothing is known of this feed.`));
  return [
    feed.paused_at ? h("div", { class: "callout" }, h("p", {}, "Paused ", time(feed.paused_at, { relative: true }), ` by ${PAUSED_BY[feed.paused_by] ?? feed.paused_by}. Changes wait; nothing is lost as long as the target keeps them.`)) : null,
    feed.failing_since ? h("div", { class: "callout bad" }, h("p", {}, "Failing since ", time(feed.failing_since), `: ${feed.last_error ?? "no answer"}. `, counted(feed.attempts, "attempt"), feed.next_at ? [", the next ", time(feed.next_at, { relative: true })] : "", "."),
      h("p", { class: "hint" }, "Put the endpoint right, then Try now. A message that it can never take can be left out.")) : null,
  ];
}

const parked = ({ parked: rows }) => (rows.length === 0 ? null : [
  h("div", { class: "callout warn" }, h("p", {}, `The endpoint refuses a change of ${counted(rows.length, "row")}. Later changes of ${rows.length === 1 ? "that row" : "those rows"} wait; all others go on.`),
    h("p", { class: "hint" }, "They are tried again by themselves, with growing pauses. Put the receiver or the value right, then Try now.")),
  table("Refused", [
    { label: "Row", narrow: "title", cell: (each) => h("span", { class: "mono" }, `${each.relation} ${Object.values(each.key).join(", ")}`) },
    { label: "Since", cell: (each) => time(each.since, { relative: true }) },
    { label: "Attempts", cell: (each) => number(each.attempts) },
    { label: "Next", cell: (each) => (each.next_at ? time(each.next_at, { relative: true }) : "now") },
    { label: "Answer", class: "long", narrow: "wide", cell: (each) => each.last_error ?? each.last_status ?? "none yet" },
  ], rows)]);

function one(feed) {
  return h("div", { class: "stack" }, h("p", {}, mark(feed), unseen(". "), " ", h("span", { class: "hint" }, STATES[feed.state]?.[2])), trouble(feed), parked(feed),
    facts([["Waiting", waiting(feed)], ["Oldest waiting", feed.oldest ? time(feed.oldest, { relative: true }) : "none"], ["Posted", number(feed.posted)], ["Last posted", time(feed.posted_at, { relative: true })],
      ["Last answer", feed.last_status === null ? "none" : String(feed.last_status)], ["Endpoint", h("span", { class: "mono" }, feed.address)], ["Target", feed.target], ["Tables", some(feed.tables, "every one")],
      ["Mappings", some(feed.mappings, "every one")], ["Changes", some(feed.ops, "insert, update, delete")], ["In a message", `${number(feed.batch)} at most`]]));
}

function detail({ body, actions, parts: [name], signal, call }) {
  call(`Feed ${name}`);
  const box = h("div");
  const ends = h("span", { class: "actions" });
  const back = h("a", { class: "button", href: "#/feeds" }, "All feeds");
  let shown = "";
  const look = () => load(box, () => api.get(`feeds/${segment(name)}`, {}, signal), (feed) => {
    const now = `${feed.state} ${stuck(feed)} ${feed.parked.length > 0}`;
    if (now !== shown) replace(ends, buttons(feed, look)); // what one is about to press stays where it is
    shown = now;
    return one(feed);
  }, signal);
  replace(body, box);
  replace(actions, ends, back, live(look, EVERY, signal));
}

function all({ body, actions, signal }) {
  const box = h("div");
  replace(body, box);
  replace(actions, live(() => load(box, () => api.get("feeds", {}, signal), list, signal), EVERY, signal));
}

export default (context) => (context.parts.length > 0 ? detail(context) : all(context));
