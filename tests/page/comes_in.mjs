// Overview, deliveries, parked.
import assert from "node:assert/strict";
import { eventually } from "./world.mjs";

export async function isEmpty(operator) {
  await operator.sees("Ready: receiving, reading and applying.", "No delivery was lost; 0 memories looked at", "Every memory has been read.");
  await operator.sees("First steps", "Register the webhook: Webhooks, Apply.", "A sweep has compared Mem0 with the tables.", "Nothing has arrived yet.", "Nothing is parked.");
  await operator.visit("Deliveries");
  await operator.sees("Nothing has arrived yet.");
  await operator.visit("Parked");
  await operator.sees("Nothing is parked.");
  await operator.visit("Memories");
  await operator.sees("No memory has been read yet.");
}

/** What the steps from here on look at. */
async function live(world) {
  await world.remember("ada", "Works at Initech, prefers German", { metadata: { email: "ada@example.com" }, categories: ["support"] });
  world.ada = await world.remember("ada", "Name is Ada Lovelace");
  for (let person = 0; person < 52; ++person) await world.remember(`user-${person}`, `Works at Company ${person}`);
  for (let person = 0; person < 3; ++person) await world.remember(`stuck-${person}`, "Works at Nowhere");
  for (let person = 0; person < 2; ++person) await world.remember(`anonymous-${person}`, "Name is Nobody");
  await eventually("deliveries", () => world.count("membridge.deliveries"), (count) => count >= 59);
  await world.settled();
  await eventually("parked memories", () => world.count("membridge.parked"), (count) => count === 5);
}

export async function looksAtDeliveries(operator, world) {
  await live(world);
  await operator.visit("Deliveries");
  await operator.finds(50, "tbody tr");
  await operator.follow("Older →");
  await operator.sees("This is the end.");
  assert.ok((await operator.count("tbody tr")) >= 9);
  await operator.follow("⇤ Newest");
  await operator.finds(50, "tbody tr");
  if (operator.narrow) {
    const highest = await operator.page.$$eval("tbody tr", (rows) => Math.max(...rows.map((row) => row.getBoundingClientRect().height)));
    assert.ok(highest <= 72, `a delivery takes ${highest} pixels, not two lines`);
  }
  await operator.inspect("deliveries-newest");
  // What became of it, for all that arrived and for one.
  await operator.fill("Outcome", "parked");
  await operator.finds(5, "tbody tr");
  await operator.page.locator("tbody a").click();
  await operator.sees("What became of it", "A mapping refused it as things stand.", "Parked by contacts: row_rejected at contacts.yaml:", "See the cause and retry");
  await operator.visit("Deliveries");
  await operator.fill("Outcome", "withdrawn");
  await operator.sees("No delivery fits.");
  await operator.press("Clear");
  await operator.fill("Verdict", "delete");
  await operator.sees("No delivery fits.");
  await operator.press("Clear");
  await operator.fill("Memory", world.ada);
  await operator.finds(1, "tbody tr");
  assert.match(await operator.page.evaluate(() => location.hash), new RegExp(`memory=${world.ada}`));
  await operator.page.reload(); // the address alone brings the filter back
  await operator.finds(1, "tbody tr");

  await operator.press("Replay these…");
  await operator.sees("Replay 1 delivery?");
  await operator.confirm("Replay");
  await operator.sees("1 delivery replayed.");
  await operator.fill("Since", "nonsense");
  operator.expectRefusals(400);
  await operator.page.waitForSelector(".state.bad");
  await operator.press("Clear");

  await operator.fill("Memory", world.ada);
  await operator.finds(1, "tbody tr");
  await operator.page.locator("tbody a").click();
  await operator.sees("Headers", world.ada, "In the tables, as it was read.", "crm.contacts ", ": name");
  await operator.press("Show the body");
  await operator.sees("event_details", "Name is Ada Lovelace");
  const replays = () => world.count("membridge.audit WHERE action = 'deliveries.replay' AND outcome = 'done'");
  assert.equal(await replays(), 1);
  await operator.press("Replay");
  await operator.sees("1 memory will be read again.");
  assert.equal(await replays(), 2);
  assert.equal(await world.count("membridge.audit WHERE action = 'delivery.read_body'"), 1);
}

const parkedNow = (world) => world.count("membridge.parked");

export async function clearsParked(operator, world) {
  await world.settled();
  await operator.visit("Parked");
  await operator.sees("5 memories in 2 groups", "a_real_company", "a_real_name");
  const counts = await operator.page.$$eval(".cause-count", (all) => all.map((each) => Number.parseInt(each.textContent, 10)));
  assert.deepEqual(counts, [3, 2]);
  // A cause is shown to everybody, so it holds no value of a row.
  for (const value of ["Nowhere", "Nobody", "anonymous", "stuck"]) assert.ok(!(await operator.text()).includes(value), `a cause tells ${value}`);

  // One of them alone, while its cause stands: it is parked again.
  await operator.page.locator(".cause:first-child a.button").click();
  await operator.finds(3, "tbody tr");
  await operator.sees("a_real_company");
  const attempts = async () => Number((await world.sql("SELECT sum(attempts) FROM membridge.parked"))[0][0]);
  const before = await attempts();
  await operator.page.locator("tbody tr:first-child button").click();
  await operator.sees("Retry 1 memory?");
  await operator.confirm("Retry");
  await operator.sees("1 memory will be tried again.");
  await eventually("another attempt", attempts, (now) => now > before);
  await world.settled(); // its second look included, which would find the cause put right
  assert.equal(await parkedNow(world), 5);

  // The cause is put right, and the group retried.
  await world.sql("ALTER TABLE crm.contacts DROP CONSTRAINT a_real_company");
  await operator.follow("All causes");
  await operator.finds(2, ".cause");
  await operator.page.locator(".cause:first-child button").click();
  await operator.sees("Retry 3 memories?");
  await operator.confirm("Retry");
  await operator.sees("3 memories will be tried again.");
  await eventually("rows of what was parked", () => world.count("crm.contacts WHERE company = 'Nowhere'"), (count) => count === 3);
  await eventually("parked memories", () => parkedNow(world), (count) => count === 2);
  await operator.press("Look again");
  await operator.finds(1, ".cause");
  await operator.sees("2 memories in 1 group");

  // One is dropped alone; leaving the dialog does nothing.
  await operator.follow("Show the memories");
  await operator.finds(2, "tbody tr");
  await operator.page.locator("tbody tr:first-child button.danger").click();
  await operator.sees("Drop 1 memory?");
  await operator.press("Cancel");
  assert.equal(await parkedNow(world), 2);
  await operator.page.locator("tbody tr:first-child button.danger").click();
  await operator.confirm("Drop 1 memory");
  await operator.sees("1 memory dropped.");
  await eventually("parked memories", () => parkedNow(world), (count) => count === 1);
  await operator.finds(1, "tbody tr");
  await operator.press("Drop…");
  await operator.confirm("Drop 1 memory");
  await operator.sees("Nothing of this cause is parked any more.");
  assert.equal(await parkedNow(world), 0);
  assert.equal(await world.count("crm.contacts WHERE name = 'Nobody'"), 0);
}

/** Two rows that match one memory's key: a person says which is meant. */
export async function choosesRow(operator, world) {
  await world.sql("ALTER TABLE crm.contacts DROP CONSTRAINT contacts_user_ref_key");
  await world.sql("INSERT INTO crm.contacts (user_ref, name) VALUES ('twin', 'Ada King'), ('twin', 'Ada Byron')");
  await world.remember("twin", "Works at Acme");
  await world.settled();
  await eventually("the memory is parked", () => parkedNow(world), (count) => count === 1);
  await operator.visit("Parked");
  await operator.sees("more than one row of crm.contacts", "SQLSTATE 21000");
  await operator.follow("Show the memories");
  await operator.press("Choose the row…");
  await operator.sees("Which row is meant?", "Ada King", "Ada Byron");
  await operator.inspect("choose-row");
  const [[byron]] = await world.sql("SELECT id FROM crm.contacts WHERE name = 'Ada Byron'");
  await operator.press(`This one: ${byron}`);
  await operator.sees(`mean crm.contacts ${byron} from now on. 1 memory is applied again.`);
  await eventually("the chosen row", () => world.count("crm.contacts WHERE name = 'Ada Byron' AND company = 'Acme'"), (count) => count === 1);
  await eventually("nothing parked", () => parkedNow(world), (count) => count === 0);
  assert.equal(await world.count("crm.contacts WHERE name = 'Ada King' AND company IS NOT NULL"), 0);
  assert.equal(await world.count("membridge.audit WHERE action = 'parked.choose' AND outcome = 'done'"), 1);
  await world.sql("DELETE FROM crm.contacts WHERE user_ref = 'twin' AND name = 'Ada King'");
  await world.sql("ALTER TABLE crm.contacts ADD CONSTRAINT contacts_user_ref_key UNIQUE (user_ref)");
}

export async function looksAtOverview(operator, world) {
  await operator.visit("Overview");
  await operator.sees("repaired", "looked at", "a second allowed", "Delivery to row", "for 95 of 100", "What became of memories");
  const words = await operator.page.$$eval(".gauge figcaption", (all) => all.map((each) => each.textContent));
  assert.equal(words.length, 5);
  await operator.sees("Latest deliveries", "Top causes");
  await operator.doesNotSee("First steps");
  assert.equal(await operator.count(".latest li a[href^='#/deliveries/']"), 8);
  await operator.page.hover(".gauge .chart");
  await operator.page.waitForFunction(() => / from \d\d:\d\d$/.test(document.querySelector(".gauge .axis .read").textContent));
  assert.match(words[0], /^Deliveries over the last hour, at most \d+ in one minute\.$/);
  // The bridge has looked before this page was opened.
  const [lag, parked, budget] = words.slice(1);
  assert.match(lag, /^Delivery to row over the last \d.*: half within \d.*, 95 of 100 within \d.*, 99 of 100 within \d/);
  await operator.page.mouse.move(0, 0); // what one points at stands still
  // The bridge looks at itself every ten seconds, and the page asks for that as often.
  const became = () => operator.page.$eval(".panel.wide figcaption", (caption) => caption.textContent);
  await eventually("outcomes over time", became, (told) => /applied.*parked/.test(told));
  await operator.page.hover(".panel.wide .chart");
  await operator.page.waitForFunction(() => /(now|ago)$/.test(document.querySelector(".panel.wide .axis .read").textContent));
  await operator.page.mouse.move(0, 0);
  assert.match(parked, /^Parked memories over the last \d.*: now /);
  assert.match(budget, /^Calls a second over the last \d.*: now [\d.,]+ of 100 allowed\.$/);
  // Whole minutes only, so the figures change while one looks: both are read until they agree.
  const shown = () => operator.page.$eval(".gauge .below", (below) => Number.parseInt(below.textContent, 10));
  await eventually("the API's figures", async () => [await shown(), (await world.api("GET", "overview")).deliveries.total], ([seen, total]) => seen === total);
  await operator.fill("Over the last", "15");
  await operator.sees("in the last 15 min");
  assert.match(await operator.page.evaluate(() => location.hash), /minutes=15/);
  // Longer spans are of all processes, and of the state.
  const sum = (counts) => counts.reduce((so_far, count) => so_far + count, 0);
  const kept = await eventually("the history", () => world.api("GET", "overview/recent?minutes=10080"), ({ deliveries, outcomes }) => sum(deliveries) > 0 && sum(outcomes.applied) > 0);
  assert.deepEqual([kept.source, kept.step_seconds, kept.deliveries.length], ["state", 3600, 169]);
  for (const [minutes, bar] of [["1440", "15 min"], ["10080", "hour"]]) {
    await operator.fill("Over the last", minutes);
    await operator.sees(`Of all processes, a bar for each ${bar}. A week is kept.`);
    assert.match(await became(), /applied/);
    await operator.inspect(`overview-${minutes}`);
  }
  await operator.fill("Over the last", "60");
  await operator.sees("Of this process since it began, a bar for each minute.");

  const asksAgain = (whether) => operator.page.waitForFunction((wanted) => [...window.waiting.values()].includes(2000) === wanted, {}, whether);
  const hide = (hidden) => operator.page.evaluate((value) => {
    Object.defineProperty(document, "hidden", { value, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
  await asksAgain(true);
  await hide(true);
  await asksAgain(false);
  await hide(false);
  await asksAgain(true);
  await operator.click("switch", "Live");
  await asksAgain(false);
  await operator.click("switch", "Live");
  await asksAgain(true);
  await operator.visit("Parked");
  await asksAgain(false);
}
