// Memories, mappings, why.
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { eventually } from "./world.mjs";

export async function looksAtMemories(operator, world) {
  await operator.visit("Memories");
  await operator.finds(50, "tbody tr");
  await operator.fill("User", "ada");
  await operator.finds(2, "tbody tr");
  await operator.fill("User", "nobody-at-all");
  await operator.sees("No memory fits.");
  await operator.press("Clear");
  await operator.fill("Memory id", world.ada.slice(0, 12));
  await operator.finds(1, "tbody tr");
  await operator.page.locator("tbody a").click();
  await operator.sees("Rows it speaks for", "crm.contacts", "Ada Lovelace", "as it was read", "Deliveries that name it");
  await operator.page.waitForFunction(() => document.querySelector("pre.text")?.textContent.includes('"user_id": "ada"'));
  await operator.sees("ADD");
}

/** Edited on the page, a memory is seen to change its row there; feedback and deletion go to Mem0, too. */
export async function editsAtMem0(operator, world) {
  const memory = await world.remember("grace", "Name is Grace Murray");
  await world.settled();
  await operator.goTo(`#/memories/crm/${memory}`);
  await operator.sees("Rows it speaks for", "Grace Murray");
  operator.expectRefusals(400, 404); // a date that is none; and after the deletion, a row that is no longer there
  await operator.press("Edit…");
  await operator.fill("Text", "Name is Grace Hopper");
  await operator.fill("Shown until", "soon");
  await operator.page.locator('dialog ::-p-aria([name="Save at Mem0"][role="button"])').click();
  await operator.page.waitForSelector("dialog .field-trouble:not([hidden])");
  await operator.fill("Shown until", "");
  await operator.confirm("Save at Mem0");
  await operator.sees("Its rows have followed:", "Grace Murray → Grace Hopper");
  await operator.quiet();
  await operator.inspect("memory-edited");
  assert.equal((await world.sql("SELECT name FROM crm.contacts WHERE user_ref = 'grace'"))[0][0], "Grace Hopper");

  await operator.press("Edit…");
  await operator.fill("Text", "Name is Nobody");
  await operator.confirm("Save at Mem0");
  await operator.sees("It cannot be applied as it is now: see why it is parked.", "Parked by contacts");

  await operator.press("Feedback…");
  await operator.inspect("memory-feedback");
  await operator.fill("It is", "NEGATIVE");
  await operator.fill("Why", "She is a rear admiral");
  await operator.confirm("Send");
  await operator.sees("Mem0 has your feedback.");
  const sent = (await world.control("GET", "/requests?endpoint=feedback")).at(-1);
  assert.deepEqual(JSON.parse(sent.body), { memory_id: memory, feedback: "NEGATIVE", feedback_reason: "She is a rear admiral" });

  await operator.press("Delete…");
  await operator.sees("Delete this memory at Mem0?");
  await operator.confirm("Delete at Mem0");
  await operator.sees("Deleted at Mem0. Its rows have followed:");
  await operator.quiet();
  assert.equal(await world.count("crm.contacts WHERE name = 'Grace Hopper'"), 0);
}

export async function asksWhy(operator, world) {
  // From the memory's page, by the cell it speaks for.
  await operator.follow("name");
  await operator.sees("a memory’s", "wins", "The bridge made this row.");
  assert.equal(await operator.page.$eval("input[name=column]", (input) => input.value), "name");
  const [[key]] = await world.sql("SELECT id FROM crm.contacts WHERE user_ref = 'ada'");
  assert.equal(await operator.page.$eval("input[name=key]", (input) => input.value), key);
  await operator.follow("contacts:16");
  await operator.page.waitForSelector(".source .marked");
  assert.match(await operator.page.$eval(".source .marked", (line) => line.textContent), /name: \$memory\.text/);

  // A person changes the cell; asked by hand.
  await world.sql("UPDATE crm.contacts SET name = 'Ada King' WHERE user_ref = 'ada'");
  await operator.visit("Why");
  await operator.press("Explain");
  await operator.sees("A table is needed.", "A key is needed.");
  await operator.fill("Table", "crm.contacts");
  await operator.fill("Key", key);
  await operator.press("Explain");
  await operator.sees("a person’s", "Ada King", "Ada Lovelace", "company", "Initech");
  operator.expectRefusals(404, 400);
  await operator.fill("Table", "crm.contracts");
  await operator.press("Explain");
  await operator.page.waitForSelector(".state.bad .hint");
}

/** The same cell: a memory says something else than the person, twice. */
export async function decidesDisagreements(operator, world) {
  const says = async (text) => {
    await world.control("PATCH", `/memories/${world.ada}`, { text, announce: true });
    await world.settled();
  };
  const now = async () => (await world.sql("SELECT name FROM crm.contacts WHERE user_ref = 'ada'"))[0][0];
  await says("Name is Ada Byron");
  await operator.visit("Disagreements");
  await operator.sees("crm.contacts ", "A person wrote", "Ada King", "The memory says", "Ada Byron");
  await operator.inspect("disagreements");
  await operator.press("Keep the person’s");
  await operator.sees("name stays as it is.", "Nobody disagrees.");
  assert.equal(await now(), "Ada King");

  await says("Name is Ada Lovelace");
  await operator.goTo("#/overview");
  await operator.page.waitForFunction(() => document.querySelector("#places a[href='#/disagreements']").textContent.includes("1 to decide"));
  await operator.visit("Disagreements");
  await operator.sees("Ada King", "Ada Lovelace");
  await operator.press("Take the memory’s value");
  await operator.sees("name becomes what the memory says.", "Nobody disagrees.");
  await eventually("the memory's name", now, (name) => name === "Ada Lovelace");
  const decided = await world.sql("SELECT action FROM membridge.audit WHERE action LIKE 'kept.%' ORDER BY number");
  assert.deepEqual(decided.flat(), ["kept.dismiss", "kept.take"]);
}

export async function previews(operator, world) {
  await operator.visit("Mappings");
  await operator.sees("contacts", "profile", "fits its tables", "in force");
  await operator.follow("contacts");
  // Of the memories that arrived, the latest first.
  await operator.page.waitForFunction(() => document.querySelectorAll("select[name=latest] option").length > 5);
  await operator.sees("It would");
  await operator.click("radio", "A record");
  await operator.sees("It would", "new row", "crm.notes", "Initech");
  assert.equal(await world.count("crm.notes WHERE memory_ref = 'example'"), 0); // rolled back

  // It follows what one types.
  const record = { id: "typed", memory: "Works at Hooli", user_id: "ada", updated_at: "2030-01-01T00:00:00Z" };
  await operator.fill("Record", JSON.stringify(record));
  await operator.page.waitForFunction(() => [...document.querySelectorAll(".is")].some((after) => after.textContent === "Hooli"));
  const before = await operator.page.$$eval(".row-card tbody tr", (rows) => rows.map((row) => row.innerText.replace(/\s+/g, " ")));
  assert.ok(before.some((row) => row.includes("company") && row.includes("Initech") && row.includes("Hooli")), before.join("; "));
  await operator.fill("Record", '{"id": ');
  await operator.sees("This is no JSON yet");
  await operator.fill("Record", "[]");
  await operator.sees("A record is one JSON object.");
  await operator.click("radio", "A memory of Mem0");
  await operator.fill("Memory id", world.ada);
  await operator.sees("It would change nothing.");
  await operator.fill("Memory id", "00000000-0000-4000-8000-000000000000");
  operator.expectRefusals(404);
  await operator.fill("Read it", "mirror");
  await operator.sees("the mirror has no such memory");

  // A file that was broken meanwhile: told with its place, and what is in force goes on being shown.
  const file = path.join(world.mappings, "profile.yaml");
  const good = readFileSync(file, "utf8");
  writeFileSync(file, good.replace("job: $export.job", "jib: $export.job"));
  const refused = await eventually("the edit is refused", () => world.api("GET", "mappings"), (answer) => answer.refused !== null);
  assert.equal(refused.mappings.find(({ name }) => name === "profile").on_disk, "refused");
  await operator.follow("All mappings");
  await operator.sees("were refused", "edit refused", "has no column");
  await operator.inspect("mappings-refused");
  await operator.follow("profile");
  await operator.sees("Source in force", "The refused edit");
  await operator.page.waitForSelector(".source .error .source-problem");
  const [inForce, onDisk] = await operator.page.$$eval(".source", (all) => all.map((each) => each.textContent));
  assert.ok(inForce.includes("job: $export.job") && !inForce.includes("jib") && onDisk.includes("jib: $export.job"));
  await operator.inspect("mapping-refused");
  writeFileSync(file, good);
  await eventually("the mended file is taken", () => world.api("GET", "mappings"), (answer) => answer.refused === null);
}

/** An edit of a mapping in the page: checked and previewed while one types, and saved nowhere. */
export async function drafts(operator, world) {
  const file = path.join(world.mappings, "contacts.yaml");
  const before = readFileSync(file, "utf8");
  await operator.goTo("#/mappings/contacts");
  await operator.click("radio", "A record");
  await operator.fill("Record", JSON.stringify({ id: "typed", memory: "Works at Hooli", user_id: "ada", updated_at: "2030-01-01T00:00:00Z" }));
  await operator.sees("Hooli"); // or the button moves while one presses it
  await operator.press("Edit a draft");
  await operator.sees("It fits its tables.", "Hooli");
  await operator.fill("The draft", before.replace("company: $memory", "compny: $memory"));
  await operator.sees("has no column", "The draft has errors.");
  await operator.finds(1, ".paint-line.error");
  await operator.inspect("draft-errors");
  // From the problem to its place in the text.
  await operator.page.locator(".problems button").click();
  assert.match(await operator.page.$eval(".editor textarea", (area) => area.value.slice(area.selectionStart)), /^compny/);
  const edited = before.replace("([^.,;]+)') | trim\n      email", "([^.,;]+)') | trim | upper\n      email");
  assert.notEqual(edited, before);
  await operator.fill("The draft", edited);
  await operator.page.waitForFunction(() => [...document.querySelectorAll(".is")].some((after) => after.textContent === "HOOLI"));
  await operator.sees("It fits its tables.");
  assert.equal(await operator.page.$eval(".paint", (paint) => paint.textContent.includes("trim | upper")), true);
  // It is there again when one comes back, and goes to a file when asked.
  await operator.visit("Parked");
  await operator.goTo("#/mappings/contacts");
  await operator.sees("Draft", "It fits its tables.");
  const folder = path.resolve(`downloads-${operator.width}`);
  const browser = await operator.browser.target().createCDPSession();
  await browser.send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: folder });
  await operator.press("Download");
  await eventually("the downloaded file", () => existsSync(path.join(folder, "contacts.yaml")) && readFileSync(path.join(folder, "contacts.yaml"), "utf8"), (text) => text === edited);
  await operator.inspect("draft");
  await operator.press("Discard the draft");
  await operator.sees("Edit a draft");
  assert.equal(readFileSync(file, "utf8"), before);
  assert.equal(await world.count("crm.contacts WHERE company = 'HOOLI'"), 0);
  // Mappings that no memory can be previewed with are checked all the same.
  await operator.goTo("#/mappings/profile");
  await operator.press("Edit a draft");
  await operator.sees("It fits its tables.");
  await operator.press("Discard the draft");
}

export async function showsHostileText(operator, world) {
  const markup = "<img src=x onerror=alert(1)><script>alert(2)</script>";
  const id = await world.remember(`"><b>${markup}`, `Name is ${markup}`, { categories: [markup], metadata: { email: markup } });
  await world.settled();
  await operator.goTo(`#/memories/crm/${id}`);
  await operator.sees(`Name is ${markup}`);
  await operator.goTo("#/memories");
  await operator.fill("Memory id", id);
  await operator.finds(1, "tbody tr");
  await operator.sees(`"><b>${markup}`);
  await operator.goTo(`#/deliveries?memory=${encodeURIComponent(id)}`);
  await operator.goTo(`#/${encodeURIComponent(markup)}`);
  await operator.sees("This address leads nowhere.");
  assert.equal(await operator.count("img:not([src='page/icon.svg']), main script, main b"), 0);
}
