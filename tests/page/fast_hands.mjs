// The search box, and a list without a mouse.
import assert from "node:assert/strict";

const chosen = (operator) => operator.page.$eval("[role=option][aria-selected=true]", (option) => option.innerText);
const here = (operator) => operator.page.evaluate(() => location.hash);

async function search(operator, text) {
  await operator.page.keyboard.down("Control");
  await operator.page.keyboard.press("k");
  await operator.page.keyboard.up("Control");
  await operator.page.waitForSelector("dialog.palette[open]");
  await operator.page.keyboard.type(text);
}

/** Waits for a find, and answers its place in the list. */
async function finds(operator, words) {
  await operator.page.waitForFunction((wanted) => [...document.querySelectorAll("[role=option]")].some((option) => option.innerText.includes(wanted)), {}, words);
  return operator.page.$$eval("[role=option]", (all, wanted) => all.findIndex((option) => option.innerText.includes(wanted)), words);
}

async function opens(operator, words) {
  for (let at = await finds(operator, words); at > 0; --at) await operator.page.keyboard.press("ArrowDown");
  assert.ok((await chosen(operator)).includes(words));
  await operator.page.keyboard.press("Enter");
  await operator.finds(0, "dialog");
  await operator.quiet();
}

export async function findsByWords(operator, world) {
  operator.expectRefusals(400, 404); // not every table has an e-mail address
  await operator.visit("Parked");
  await search(operator, "audi");
  await opens(operator, "Audit");
  await search(operator, "ada");
  await opens(operator, "Every memory of ada");
  assert.equal(await here(operator), "#/memories?user=ada");
  await operator.finds(2, "tbody tr");
  await search(operator, world.ada.slice(0, 13));
  await opens(operator, world.ada);
  assert.equal(await here(operator), `#/memories/crm/${world.ada}`);
  const [[delivery]] = await world.sql("SELECT id FROM membridge.deliveries ORDER BY received_at LIMIT 1");
  await search(operator, delivery);
  await opens(operator, delivery);
  assert.equal(await here(operator), `#/deliveries/${delivery}`);
  await search(operator, "crm.contacts user_ref=ada");
  await opens(operator, "crm.contacts id=");
  await operator.sees("crm.contacts id=", "a memory’s");
  // An e-mail address leads to the rows of every table in which it tells one row.
  await world.sql("ALTER TABLE crm.contacts ADD CONSTRAINT one_address UNIQUE (email)");
  await search(operator, "ada@example.com");
  await opens(operator, "crm.contacts id=");
  await world.sql("ALTER TABLE crm.contacts DROP CONSTRAINT one_address");
  await operator.sees("crm.contacts id=", "a memory’s");
  await search(operator, "no such thing anywhere");
  await operator.sees("Nothing of that name.");
  await operator.page.keyboard.press("Escape");
  await operator.finds(0, "dialog");
  // The button does the same for those who know no key.
  await operator.press("Search");
  await operator.page.waitForSelector("dialog.palette[open]");
  await operator.inspect("palette");
  await operator.page.keyboard.press("Escape");
  await operator.finds(0, "dialog");
}

export async function walksLists(operator) {
  const { page } = operator;
  await operator.visit("Audit"); // what is typed into no field
  await page.keyboard.press("g");
  await page.keyboard.press("d");
  await page.waitForFunction(() => document.querySelector("h1")?.innerText === "Deliveries");
  await operator.quiet();
  const row = () => page.evaluate(() => [...document.querySelectorAll("tr.leads")].indexOf(document.activeElement.closest("tr.leads")));
  await operator.click("switch", "Live"); // or what arrives would move the rows
  await page.keyboard.press("j");
  assert.equal(await row(), 0);
  await page.keyboard.press("j");
  assert.equal(await row(), 1);
  await page.keyboard.press("k");
  await page.keyboard.press("k");
  assert.equal(await row(), 0);
  const wanted = await page.evaluate(() => document.activeElement.hash);
  await page.keyboard.press("Enter");
  await operator.sees("What became of it");
  assert.equal(await here(operator), wanted);

  // A click anywhere in a row leads there, too; one on a link leads where the link does.
  await operator.visit("Deliveries");
  await operator.click("switch", "Live");
  const cell = await page.waitForSelector("tr.leads td[data-label=Verdict]");
  await cell.click();
  await operator.sees("What became of it");
  assert.match(await here(operator), /^#\/deliveries\/[0-9a-f-]{36}$/);
}
