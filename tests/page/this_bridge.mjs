// Signing in, tokens, audit; and what holds for every view.
import assert from "node:assert/strict";

export async function signsIn(operator, world) {
  await operator.inspect("signin");
  await operator.press("Sign in");
  await operator.sees("Enter a token.");
  operator.expectRefusals(401);
  await operator.signIn("not-a-token");
  await operator.sees("This token is not accepted.");
  await operator.signIn(world.admin_token);
  await operator.sees("What arrives");
  const kept = await operator.page.evaluate(() => ({ cookie: document.cookie, local: JSON.stringify(localStorage), session: Object.values(sessionStorage) }));
  assert.equal(kept.cookie, "");
  assert.ok(!kept.local.includes(world.admin_token));
  assert.deepEqual(kept.session, [world.admin_token]);
  await operator.page.reload(); // one stays signed in
  await operator.sees("Ready: receiving, reading and applying.");
}

const FIRST_VIEW_BYTES = 100 * 1024;

/** What the browser must fetch until the overview can be read, with nothing of it cached; and that nothing jumps while it comes. */
export async function seesFirstView(operator, world) {
  const { page } = operator;
  await world.settled();
  await operator.visit("Overview");
  const client = await page.createCDPSession();
  await client.send("Network.enable");
  await client.send("Network.setCacheDisabled", { cacheDisabled: true });
  const asked = new Map();
  client.on("Network.requestWillBeSent", ({ requestId, request, timestamp }) => asked.set(requestId, { path: new URL(request.url).pathname, timestamp, size: 0 }));
  client.on("Network.loadingFinished", ({ requestId, encodedDataLength, timestamp }) => Object.assign(asked.get(requestId) ?? {}, { size: encodedDataLength, finished: timestamp }));
  await page.reload({ waitUntil: "domcontentloaded" });
  await page.waitForSelector(".gauge .figure");
  const measured = await page.evaluate(() => new Promise((resolve) => {
    const milliseconds = Math.round(performance.now());
    let shift = 0;
    const observer = new PerformanceObserver((list) => list.getEntries().forEach((entry) => { shift += entry.hadRecentInput ? 0 : entry.value; }));
    observer.observe({ type: "layout-shift", buffered: true });
    setTimeout(() => resolve({ milliseconds, shift }), 100);
  }));
  // Other views are fetched once this one stands.
  const overview = [...asked.values()].find(({ path }) => path.endsWith("/overview"));
  const needed = [...asked.values()].filter(({ timestamp }) => timestamp <= overview.finished);
  const bytes = needed.reduce((sum, { size }) => sum + size, 0);
  console.log(`# first view at ${operator.width}: ${(bytes / 1024).toFixed(1)} KiB in ${needed.length} answers, ${measured.milliseconds} ms`);
  assert.ok(bytes > 10_000 && bytes <= FIRST_VIEW_BYTES, `${bytes} bytes: ${needed.map(({ path, size }) => `${path} ${size}`).join(", ")}`);
  assert.ok(measured.shift < 0.1, `the layout shifts by ${measured.shift}`);
  await client.detach();
}

export async function managesTokens(operator, world) {
  await operator.visit("Tokens");
  await operator.sees("ops", "in membridge.yaml");
  await operator.press("Issue a token…");
  operator.expectRefusals(400, 403);
  await operator.fill("Name", "Not A Name");
  await operator.press("Issue");
  await operator.page.waitForSelector("dialog .field-trouble:not([hidden])");
  await operator.fill("Name", "watcher");
  await operator.fill("Role", "viewer");
  await operator.fill("Valid for days", "30");
  await operator.press("Issue");
  await operator.sees("nobody can show it again");
  const token = await operator.page.$eval("dialog input", (input) => input.value);
  await operator.press("Close");
  await operator.finds(0, "dialog");
  await operator.sees("watcher");
  assert.ok(!(await operator.page.content()).includes(token), "an issued token is shown again");
  assert.equal(await world.count(`membridge.admin_tokens WHERE name = 'watcher' AND hash <> '${token}'`), 1);

  await operator.signOut();
  await operator.sees("You have signed out.");
  await operator.signIn(token);
  await operator.sees("viewer");
  const places = await operator.page.$$eval("#places a", (links) => links.map((link) => link.getAttribute("href")));
  assert.deepEqual(places, ["overview", "deliveries", "parked", "memories", "mappings", "feeds", "webhooks", "project", "operations", "sources", "backfills"].map((view) => `#/${view}`));
  for (const view of ["Deliveries", "Webhooks", "Backfills", "Mappings"]) {
    await operator.visit(view);
    const buttons = await operator.page.$$eval("main button", (all) => all.map((button) => button.innerText));
    assert.deepEqual(buttons.filter((label) => !["Clear", "Look again"].includes(label)), [], view);
  }
  await operator.goTo(`#/memories/crm/${world.ada}`);
  await operator.sees("What it says is shown to operators.");
  assert.ok(!(await operator.text()).includes("Lovelace"));
  await operator.goTo("#/audit");
  await operator.sees("The role viewer may not see this.");

  // Revoked by somebody else: the next thing one does leads back to the sign-in.
  const { tokens } = await world.api("GET", "tokens");
  await world.api("DELETE", `tokens/${tokens.find((each) => each.name === "watcher").id}`);
  await operator.goThrough("Deliveries");
  await operator.sees("Your session has ended");
  assert.equal(await operator.page.evaluate(() => sessionStorage.length), 0);
  await operator.signIn(world.admin_token);
  await operator.visit("Tokens");
  await operator.sees("revoked");

  const issued = await world.api("POST", "tokens", { name: "short-lived", role: "operator" });
  assert.ok(issued.token);
  await operator.visit("Audit");
  await operator.visit("Tokens");
  await operator.press("Revoke… short-lived");
  await operator.confirm("Revoke");
  await operator.sees("“short-lived” revoked.");
  assert.equal(await world.count("membridge.admin_tokens WHERE name = 'short-lived' AND revoked_at IS NOT NULL"), 1);
}

export async function readsAudit(operator, world) {
  await operator.visit("Audit");
  await operator.sees("The chain is intact", "token.revoke");
  await operator.fill("Action", "parked.drop");
  await operator.finds(await world.count("membridge.audit WHERE action = 'parked.drop'"), "tbody tr");
  await operator.press("Clear");
  await operator.fill("Outcome", "refused");
  await operator.page.waitForFunction(() => [...document.querySelectorAll("td[data-label=Outcome]")].every((cell) => cell.innerText.includes("refused")));
  await operator.fill("Who", "somebody");
  await operator.sees("No entry fits.");

  // Somebody who may do anything in the database changes one entry: it shows.
  const tamper = (change) => world.sql(`ALTER TABLE membridge.audit DISABLE TRIGGER USER; UPDATE membridge.audit SET object = ${change} WHERE number = 2; ALTER TABLE membridge.audit ENABLE TRIGGER USER`);
  await tamper("object || 'x'");
  await operator.visit("Overview");
  await operator.visit("Audit");
  await operator.sees("The chain is broken at entry 2");
  await tamper("left(object, -1)");
}

export async function usesKeyboard(operator) {
  const { page } = operator;
  const focus = () => page.evaluate(() => {
    const element = document.activeElement;
    return { id: element.id, tag: element.tagName, text: element.innerText ?? "", inDialog: element.closest("dialog") !== null, outline: getComputedStyle(element).outlineStyle };
  });
  await operator.visit("Tokens");
  await page.reload();
  await operator.sees("Issue a token…");
  await page.keyboard.press("Tab");
  assert.equal((await focus()).text, "Skip to the content");
  await page.keyboard.press("Enter");
  assert.equal((await focus()).id, "main");
  await page.keyboard.press("Tab");
  const button = await focus();
  assert.deepEqual([button.text, button.outline], ["Issue a token…", "solid"]);

  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog[open]");
  for (let tab = 0; tab < 12; ++tab) {
    await page.keyboard.press("Tab");
    const { inDialog, tag, text } = await focus();
    assert.ok(inDialog || tag === "BODY", `the focus left the dialog for ${tag} ${text}`);
  }
  await page.keyboard.press("Escape");
  await operator.finds(0, "dialog");
  assert.equal((await focus()).text, "Issue a token…");

  // A new view is announced, and the focus goes to its title.
  await operator.visit("Audit");
  assert.deepEqual((({ tag, text }) => [tag, text])(await focus()), ["H1", "Audit"]);
  await page.waitForFunction(() => document.getElementById("polite").textContent === "Audit");
  assert.equal(await page.title(), "Audit · Membridge");

  // [N9] Back leaves a question together with the view it was asked in.
  await operator.visit("Tokens");
  await operator.press("Issue a token…");
  await page.waitForSelector("dialog[open]");
  await page.evaluate(() => history.back());
  await operator.finds(0, "dialog");
  await page.waitForFunction(() => document.querySelector("h1")?.innerText === "Audit");

  const theme = () => page.evaluate(() => getComputedStyle(document.documentElement).colorScheme);
  const chosen = [];
  for (let turn = 0; turn < 3; ++turn) {
    if (operator.narrow) await operator.press("Menu");
    await page.locator(operator.narrow ? "#places button.theme" : ".top button.theme").click();
    chosen.push(await theme());
    if (operator.narrow) await operator.press("Menu");
  }
  assert.deepEqual(chosen, ["light", "dark", "light dark"]);
}

export async function seesErrors(operator, world) {
  operator.expectRefusals(404);
  await operator.goTo("#/deliveries/00000000-0000-7000-8000-000000000000");
  await operator.page.waitForSelector(".state.bad");
  const [message, hint] = await operator.page.$$eval(".state.bad p", (all) => all.map((each) => each.innerText));
  const told = await world.api("GET", "deliveries/00000000-0000-7000-8000-000000000000");
  assert.deepEqual([message, hint], [told.message, told.hint]);

  operator.expectRefusals("ERR_INTERNET_DISCONNECTED");
  await operator.page.setOfflineMode(true);
  await operator.goTo("#/mappings");
  await operator.page.waitForSelector(".state.bad");
  await operator.sees("The bridge does not answer.");
  await operator.page.setOfflineMode(false);
  await operator.press("Try again");
  await operator.sees("fits its tables");
}

/** One of each kind that has a view of its own; two memories are parked for that. */
export async function whatThereIs(world) {
  const [[delivery]] = await world.sql(`SELECT id FROM membridge.deliveries ORDER BY received_at LIMIT 1`);
  const [[contact]] = await world.sql("SELECT id FROM crm.contacts WHERE user_ref = 'ada'");
  const [[run]] = await world.sql("SELECT min(id) FROM membridge.backfill_runs");
  for (let person = 0; person < 2; ++person) await world.remember(`anonymous-${person + 10}`, "Name is Nobody");
  await world.settled();
  const { groups } = await world.api("GET", "parked/groups");
  return { delivery, contact, run, group: groups[0].group };
}

export async function inspectsEverything(operator, world) {
  const { delivery, contact, run, group } = await whatThereIs(world);
  const views = {
    overview: "overview", deliveries: "deliveries", delivery: `deliveries/${delivery}`, parked: "parked", cause: `parked/${group}`, memories: "memories", memory: `memories/crm/${world.ada}`,
    mappings: "mappings", mapping: "mappings/contacts", disagreements: "disagreements", why: `why?table=crm.contacts&key=${contact}`, webhooks: "webhooks", project: "project", backfills: "backfills", run: `backfills/runs/${run}`, tokens: "tokens", audit: "audit",
  };
  for (const [name, address] of Object.entries(views)) {
    await operator.goTo(`#/${address}`);
    await operator.inspect(name);
  }
  // And on a large screen, which the same rules lay out. matrix.mjs looks longer.
  if (!operator.narrow) {
    await operator.resize(1920, 1080);
    for (const [name, address] of Object.entries(views)) {
      await operator.goTo(`#/${address}`);
      await operator.inspect(name);
    }
    await operator.resize(1280, 800);
  }
  await operator.goTo("#/webhooks");
  await operator.press("New webhook…");
  await operator.inspect("dialog");
  await operator.press("Cancel");
}
