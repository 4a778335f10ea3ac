// Webhooks and backfills.
import assert from "node:assert/strict";
import { eventually } from "./world.mjs";

const tokenOf = (webhook) => webhook.url.split("/").at(-1);
const named = async (world, name) => (await world.webhooks()).filter((webhook) => webhook.name === name);

/** Neither what is seen nor what the page holds tells a token that is out. */
async function hides(operator, token) {
  assert.ok(token.length === 43 && !(await operator.page.content()).includes(token), "the page tells a token");
}

export async function managesWebhooks(operator, world) {
  await operator.visit("Webhooks");
  await operator.sees("Mem0 has no webhook for this project.", "membridge-crm", "Apply would change something.");
  await operator.press("Apply…");
  await operator.sees("create");
  assert.deepEqual(await world.webhooks(), []); // looking changes nothing
  await operator.confirm("Apply");
  await operator.sees("Mem0 has now what the configuration asks for.", "Mem0 has what is asked for.");
  const [ours] = await world.webhooks();
  await hides(operator, tokenOf(ours));
  await operator.press("Apply…");
  await operator.confirm("Apply");
  await operator.sees("Everything was as it should be.");
  assert.equal((await world.webhooks()).length, 1);

  await operator.press("Rotate token…");
  await operator.sees("The token itself is shown to nobody.");
  await operator.fill("The old address stays valid for", "3600");
  await operator.confirm("Rotate");
  await operator.sees("Rotated. The old token is valid for 1 h more.");
  const [rotated] = await named(world, "membridge-crm");
  assert.notEqual(tokenOf(rotated), tokenOf(ours));
  for (const token of [tokenOf(ours), tokenOf(rotated)]) {
    await hides(operator, token);
    const answer = await fetch(`${world.receiver}/webhooks/crm/${token}`, { method: "POST", body: "{}", headers: { "Content-Type": "application/json" } });
    assert.equal(answer.status, 200);
  }
  await operator.page.waitForFunction(() => [...document.querySelectorAll("section")].find((section) => section.innerText.startsWith("Addresses"))?.querySelectorAll("tbody tr").length === 2);

  await managesOthers(operator, world);
}

/** Any webhook of the project, with what is wrong told at the field. */
async function managesOthers(operator, world) {
  operator.expectRefusals(400, 422);
  await operator.press("New webhook…");
  await operator.press("Create");
  const complaints = () => operator.page.$$eval("dialog .field", (fields) => fields.filter((field) => field.querySelector(".field-trouble:not([hidden])")).map((field) => field.querySelector("label, legend").textContent));
  await operator.page.waitForSelector("dialog .field-trouble:not([hidden])");
  assert.deepEqual(await complaints(), ["Name", "Address"]);
  await operator.fill("Name", "elsewhere");
  await operator.fill("Address", "https://elsewhere.example.com/hook?secret=4711");
  await operator.page.$$eval("dialog input[type=checkbox]", (boxes) => boxes.slice(1).forEach((box) => box.click()));
  await operator.confirm("Create");
  await operator.sees("“elsewhere” created at Mem0.", "foreign");
  const [elsewhere] = await named(world, "elsewhere");
  assert.deepEqual(elsewhere.event_types, ["memory_add"]);
  assert.equal(elsewhere.url, "https://elsewhere.example.com/hook?secret=4711");
  assert.ok(!(await operator.page.content()).includes("4711"), "the page tells a secret of an address");

  await operator.press("Edit… elsewhere");
  await operator.fill("Name", "somewhere");
  await operator.confirm("Save");
  await operator.sees("“somewhere” saved at Mem0.");
  const [somewhere] = await named(world, "somewhere");
  assert.equal(somewhere.url, elsewhere.url); // an address that was not typed stays
  await operator.press("Delete… somewhere");
  await operator.confirm("Delete");
  await operator.sees("“somewhere” deleted.");
  assert.equal((await world.webhooks()).length, 1);
}

export async function removesOurs(operator, world) {
  await operator.visit("Webhooks");
  await operator.press("Delete ours…");
  await operator.confirm("Delete ours");
  await operator.sees("1 webhook deleted at Mem0.", "Mem0 has no webhook for this project.");
  assert.deepEqual(await world.webhooks(), []);
}

/** What the model looks for and the categories, with what they mean for mappings. */
export async function editsProject(operator, world) {
  await operator.visit("Project");
  await operator.sees("default-project", "support", "complaint", "contacts:24");
  await operator.press("Edit…");
  await operator.fill("Instructions", "Only what a desk needs");
  await operator.fill("Categories", "complaint: What went wrong\nbilling: Invoices");
  await operator.sees("contacts asks for support in line 24, which no memory will get any more.");
  await operator.inspect("project-edit");
  await operator.confirm("Save at Mem0");
  await operator.sees("Only what a desk needs", "billing", "Invoices", "no memory of this project gets it");
  await operator.inspect("project");
  const sent = (await world.control("GET", "/requests?endpoint=projects.update")).at(-1);
  assert.deepEqual(JSON.parse(sent.body), { custom_instructions: "Only what a desk needs", custom_categories: [{ complaint: "What went wrong" }, { billing: "Invoices" }] });
}

/** Everything that can be done at Mem0: as many operations as the API has, forms made from it, errors at the field, destruction counted first. */
export async function operates(operator, world) {
  const { paths } = await world.api("GET", "openapi.json");
  const known = Object.values(paths).flatMap((methods) => Object.values(methods)).filter(({ tags }) => tags.includes("mem0"));
  await operator.visit("Operations");
  await operator.finds(known.length, "tbody tr");
  await operator.inspect("operations");

  const memory = (await world.control("POST", "/memories", { user_id: "ivy", text: "Likes tea", announce: false })).id;
  await operator.goTo("#/operations/mem0MemoryList");
  await operator.fill("user_id", "ivy");
  await operator.press("Ask Mem0");
  await operator.sees("Mem0’s answer", "Likes tea", memory);
  operator.expectRefusals(400, 404);
  await operator.fill("page_size", "many");
  await operator.press("Ask Mem0");
  await operator.page.waitForSelector(".field-trouble:not([hidden])");
  await operator.inspect("operation-refused");

  await operator.goTo("#/operations/mem0MemoryShow");
  await operator.press("Ask Mem0");
  await operator.sees("is needed");
  await operator.goTo("#/operations/mem0MemoryUpdate");
  await operator.fill("memory_id", memory);
  await operator.fill("metadata", '{"tea": "green"}');
  await operator.press("Do it at Mem0");
  await operator.sees("Change a memory: done.", "green");

  await operator.goTo("#/operations/mem0MemoryDeleteWhere");
  await operator.fill("user_id", "ivy");
  await operator.press("Count, then ask…");
  await operator.sees("It destroys 1 ");
  await operator.inspect("operation-destroys");
  await operator.confirm("Yes, delete where");
  await operator.sees("Delete all memories of a user, agent, app or run: done.");
  await operator.inspect("operation");
  const left = await world.api("POST", "mem0/crm/memory/list", { user_id: "ivy" });
  assert.deepEqual(left.results, []);
}

const stateOf = async (world, run) => (await world.sql(`SELECT state FROM membridge.backfill_runs WHERE id = ${run}`))[0][0];
const newest = async (world) => Number((await world.sql("SELECT max(id) FROM membridge.backfill_runs"))[0][0]);

export async function runsBackfills(operator, world) {
  await operator.visit("Backfills");
  await operator.sees("nightly", "export of profile", "quick", "weekly", "Europe/Berlin", "catch-up crm", "the bridge");

  const paused = () => world.api("GET", "backfills").then(({ backfills }) => backfills.filter((each) => each.paused_at !== null).map((each) => each.name));
  await operator.press("Pause the schedule of quick");
  await operator.sees("The schedule of quick is paused.");
  assert.deepEqual(await paused(), ["quick"]);
  await operator.press("Resume the schedule of quick");
  await operator.sees("The schedule of quick is in force again.");
  assert.deepEqual(await paused(), []);

  // What no delivery told of, a sweep finds; this one, when the bridge's own catch-up is over.
  await eventually("the catch-up", () => world.count("membridge.catching_up"), (left) => left === 0);
  await world.control("POST", "/memories", { user_id: "unheard", text: "Works at Silent Ltd", announce: false });
  await operator.press("Run now… weekly");
  await operator.sees("Run weekly now?");
  await operator.confirm("Run");
  await operator.sees("of weekly is ");
  const first = await newest(world);
  await eventually("the sweep", () => stateOf(world, first), (state) => state === "done");
  await world.settled();
  assert.equal(await world.count("crm.contacts WHERE company = 'Silent Ltd'"), 1);
  await operator.follow(`weekly #${first}`);
  await operator.sees("repaired added");
  await operator.follow("All backfills");

  // One that cannot get on can be paused, and goes on when Mem0 answers again.
  await world.control("PUT", "/faults", { server_error: 1, endpoints: ["memories.list"] });
  await operator.click("switch", "Live"); // or a run that gets on would move the buttons
  await operator.press("Sweep now…");
  await operator.fill("Kind", "full");
  await operator.confirm("Run");
  const second = await newest(world);
  assert.notEqual(second, first);
  await operator.press(`Pause run ${second}`);
  await eventually("a paused run", () => stateOf(world, second), (state) => state === "paused");
  await operator.page.waitForSelector(`[data-run="${second}"] progress`);
  await world.control("DELETE", "/faults");
  await operator.press(`Resume run ${second}`);
  await eventually("the resumed run", () => stateOf(world, second), (state) => state === "done");

  await world.control("PUT", "/faults", { server_error: 1, endpoints: ["memories.list"] });
  await operator.press("Run now… weekly");
  await operator.confirm("Run");
  const third = await newest(world);
  assert.notEqual(third, second);
  await operator.press(`Cancel run ${third}`);
  await eventually("a cancelled run", () => stateOf(world, third), (state) => state === "cancelled");
  await world.control("DELETE", "/faults");
  await operator.click("switch", "Live");
  await operator.sees("cancelled");

  await operator.press("Run now… quick");
  operator.expectRefusals(400);
  await operator.fill("Since", "whenever");
  await operator.page.locator("dialog ::-p-aria([name=\"Run\"][role=\"button\"])").click();
  await operator.page.waitForSelector("dialog .field-trouble:not([hidden])");
  await operator.fill("Since", "2h");
  await operator.page.locator("dialog input[name=dry_run]").click();
  await operator.confirm("Run");
  const fourth = await newest(world);
  await eventually("the dry run", () => stateOf(world, fourth), (state) => state === "done");
  await operator.sees("done dry");

  // Older ones stand on pages of their own.
  await world.sql("INSERT INTO membridge.backfill_runs (name, project, kind, state, due_at, queued_at, finished_at) SELECT 'bygone', 'crm', 'full_sweep', 'done', now(), now(), now() FROM generate_series(1, 30)");
  await operator.goTo("#/backfills");
  await operator.finds(25, "a[href^='#/backfills/runs/']");
  await operator.inspect("backfills-newest");
  await operator.follow("Older →");
  await operator.sees("This is the end.", `weekly #${third}`);
  await operator.follow("⇤ Newest");
  await operator.finds(25, "a[href^='#/backfills/runs/']");
  await world.sql("DELETE FROM membridge.backfill_runs WHERE name = 'bygone'");
}
