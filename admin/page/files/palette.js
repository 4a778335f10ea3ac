// One box for everything: a view, an action, a person, an e-mail address, a memory, a delivery or a row.
import { api, segment } from "./api.js";
import { freshId, h, quiet, replace } from "./dom.js";
import { time } from "./format.js";
import { to } from "./router.js";
import { session } from "./session.js";
import { groups } from "./views/all.js";

const ASKED_AFTER = 200;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const ROW = /^([\w.]+)\s+(\S.*)$/; // as `membridge why` takes it: a table, then a key or column=value
const MOST_TABLES = 8;

const places = () => groups().flatMap(([heading, views]) => views.map((view) => ({ kind: heading, label: view.title, href: to(view.name), words: `${view.title} ${view.about}` })));

function actions() {
  const list = [];
  if (session.may("operator")) {
    list.push({ kind: "Do", label: "Sweep now: compare with Mem0 and repair", href: "#/backfills", words: "sweep backfill repair" });
    list.push({ kind: "Do", label: "Apply the webhooks the configuration asks for", href: "#/webhooks", words: "webhook register apply" });
    list.push({ kind: "Do", label: "Retry what is parked", href: "#/parked", words: "retry parked" });
    list.push({ kind: "Do", label: "Preview what a memory would change", href: "#/mappings", words: "preview plan mapping" });
  }
  return list;
}

/** What a lookup answers, or nothing when it is refused: not every question fits every text. */
const maybe = (promise) => promise.catch((error) => {
  if (error.name === "AbortError") throw error;
  return null;
});

async function lookUp(text, signal) {
  const asked = [];
  const memory = (each, why) => ({ kind: why, label: each.memory, more: [each.user ?? "no user", each.state], href: to(["memories", each.project, each.memory]) });
  asked.push(maybe(api.get("memories", { user: text, limit: 6 }, signal)).then((page) => {
    if (!page || page.memories.length === 0) return [];
    return [{ kind: "Person", label: `Every memory of ${text}`, href: to("memories", { user: text }) }, ...page.memories.map((each) => memory(each, "Memory of this person"))];
  }));
  if (/^[0-9a-f-]{4,}$/i.test(text)) asked.push(maybe(api.get("memories", { memory: text, limit: 6 }, signal)).then((page) => (page?.memories ?? []).map((each) => memory(each, "Memory"))));
  if (UUID.test(text)) {
    asked.push(maybe(api.get(`deliveries/${segment(text)}`, {}, signal)).then((delivery) => (delivery ? [{ kind: "Delivery", label: text, more: [time(delivery.received_at), delivery.outcome], href: to(["deliveries", text]) }] : [])));
    asked.push(maybe(api.get("deliveries", { memory: text, limit: 1 }, signal)).then((page) => (page?.deliveries.length ? [{ kind: "Deliveries", label: "Deliveries that name this memory", href: to("deliveries", { memory: text }) }] : [])));
  }
  if (session.may("operator")) asked.push(rows(text, signal));
  return (await Promise.all(asked)).flat();
}

/** Rows the bridge wrote: of a table that is named, or with this e-mail address in a table that has such a column. */
async function rows(text, signal) {
  const named = ROW.exec(text);
  if (named) return rowOf(named[1], named[2].trim(), signal);
  if (!text.includes("@")) return [];
  const answer = await maybe(api.get("mappings", {}, signal));
  const tables = [...new Set((answer?.mappings ?? []).flatMap((each) => each.tables))].slice(0, MOST_TABLES);
  return (await Promise.all(tables.map((table) => rowOf(table, `email=${text}`, signal)))).flat();
}

async function rowOf(table, key, signal) {
  const row = await maybe(api.get("why", { table, key }, signal));
  return row ? [{ kind: "Row", label: `${row.table} ${Object.entries(row.identity).map(([name, own]) => `${name}=${own}`).join(", ")}`, more: [row.created_by_bridge ? "made by the bridge" : "found"], href: to("why", { table, key, target: row.target }) }] : [];
}

const fits = (text) => {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return (each) => words.every((word) => `${each.label} ${each.words ?? ""}`.toLowerCase().includes(word));
};

export function showPalette() {
  const listId = freshId("found");
  let items = [];
  let at = 0;
  let asking = new AbortController();
  const box = h("input", { type: "text", role: "combobox", "aria-label": "Search", "aria-expanded": "true", "aria-controls": listId, "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false",
    placeholder: "A view, a person, an e-mail address, a memory, a delivery, or a row: crm.contacts 17" });
  const list = h("ul", { id: listId, role: "listbox", "aria-label": "What was found" });
  const state = h("p", { class: "hint", role: "status" });
  const dialog = h("dialog", { class: "palette", "aria-label": "Search" }, box, list, state);
  const point = (next) => {
    at = Math.min(items.length - 1, Math.max(0, next));
    [...list.children].forEach((each, place) => each.setAttribute("aria-selected", String(place === at)));
    const chosen = list.children[at];
    if (chosen) {
      box.setAttribute("aria-activedescendant", chosen.id);
      chosen.scrollIntoView({ block: "nearest" });
    } else box.removeAttribute("aria-activedescendant");
  };
  const go = (item) => {
    dialog.close();
    location.hash = item.href;
  };
  const draw = (found, words) => {
    items = found;
    replace(list, found.map((item) => h("li", { id: freshId("option"), role: "option", on: { click: () => go(item) } },
      h("span", { class: "kind" }, item.kind), h("span", { class: "label" }, item.label), item.more ? h("span", { class: "faint" }, item.more.map((part, place) => [place > 0 ? " · " : "", part])) : null)));
    replace(state, words);
    point(0);
  };
  const local = (text) => (text === "" ? [...places(), ...actions()] : [...places(), ...actions()].filter(fits(text)));
  const ask = quiet(async () => {
    const text = box.value.trim();
    const { signal } = asking;
    if (text.length < 2) return;
    try {
      const found = await lookUp(text, signal);
      if (signal.aborted) return;
      const all = [...found, ...local(text)];
      draw(all, all.length === 0 ? "Nothing of that name. A user is found by the whole user_id, a memory by how its id begins." : "");
    } catch (error) {
      if (error.name !== "AbortError") replace(state, error.message);
    }
  }, ASKED_AFTER);
  box.addEventListener("input", () => {
    asking.abort();
    asking = new AbortController();
    const text = box.value.trim();
    draw(local(text), text.length < 2 ? "" : "Looking…");
    ask();
  });
  box.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      point(at + step);
    } else if (event.key === "Enter" && items[at]) {
      event.preventDefault();
      go(items[at]);
    }
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => {
    asking.abort();
    dialog.remove();
  });
  document.body.append(dialog);
  dialog.showModal();
  draw(local(""), "");
}
