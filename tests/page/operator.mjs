// Somebody at the page: finds what can be seen by what it is called, as a screen reader would, and notices what must not happen.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import puppeteer from "puppeteer-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const DEADLINE = 15_000;

/** `::-p-aria` takes names without quotes of their own only. */
const called = (role, name) => `::-p-aria([name="${name}"][role="${role}"])`;

export class Operator {
  static async sitDown(base, width) {
    const operator = new Operator();
    operator.base = base;
    operator.width = width;
    operator.troubles = [];
    operator.expected = [];
    // Without a sandbox of its own, for it may be started by root; it loads nothing but the page under test.
    operator.browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage"] });
    const page = await operator.browser.newPage();
    operator.page = page;
    page.setDefaultTimeout(DEADLINE);
    await page.setViewport({ width, height: width < 500 ? 844 : 800 });
    page.on("pageerror", (error) => operator.troubles.push(`exception: ${error.message}`));
    page.on("console", (message) => ["error", "warn"].includes(message.type()) && operator.troubles.push(`console: ${message.text()} ${message.location()?.url ?? ""}`));
    // How often a view asks by itself is seen by its timers; and the policy tells of what it forbade.
    await page.evaluateOnNewDocument(() => {
      window.waiting = new Map();
      const { setTimeout: set, clearTimeout: clear } = window;
      window.setTimeout = (act, delay, ...given) => {
        const timer = set(() => {
          window.waiting.delete(timer);
          act(...given);
        }, delay);
        window.waiting.set(timer, delay);
        return timer;
      };
      window.clearTimeout = (timer) => {
        window.waiting.delete(timer);
        clear(timer);
      };
      window.forbidden = [];
      document.addEventListener("securitypolicyviolation", (event) => window.forbidden.push(`${event.violatedDirective} ${event.blockedURI}`));
    });
    await page.goto(base);
    mkdirSync("screenshots", { recursive: true });
    return operator;
  }

  async resize(width, height) {
    this.width = width;
    await this.page.setViewport({ width, height });
  }

  /** An answer of the API that the browser reports as an error, and rightly: a 4xx that was asked for. */
  expectRefusals(...statuses) {
    this.expected.push(...statuses);
  }

  async standUp() {
    await this.browser.close();
  }

  /** Nothing was logged, thrown or forbidden, but for refusals that were asked for. */
  async noTrouble() {
    assert.deepEqual(await this.page.evaluate(() => window.forbidden), []);
    const unexpected = this.troubles.filter((trouble) => !this.expected.some((status) => trouble.includes(`status of ${status}`) || trouble.includes(`${status} `)));
    assert.deepEqual(unexpected, []);
  }

  async click(role, name) {
    try {
      await this.page.locator(called(role, name)).click();
    } catch (failure) {
      assert.fail(`the ${role} "${name}" could not be clicked (${failure.message}) in:\n${await this.text()}`);
    }
  }

  press(name) {
    return this.click("button", name);
  }

  follow(name) {
    return this.click("link", name);
  }

  async fill(label, value) {
    const selectors = ["textbox", "combobox", "searchbox"].map((role) => called(role, label)).join(", ");
    const control = await this.page.waitForSelector(selectors, { visible: true });
    if ((await control.evaluate((element) => element.tagName)) === "SELECT") {
      await control.select(value);
      return;
    }
    await control.evaluate((element, text) => {
      element.focus();
      element.value = text;
      element.dispatchEvent(new Event("input", { bubbles: true }));
      element.dispatchEvent(new Event("change", { bubbles: true }));
    }, value);
  }

  /** Waits until this can be read: in the view, in a dialog, or in what came of an action. */
  async sees(...texts) {
    for (const text of texts) {
      try {
        await this.page.waitForFunction((wanted) => document.body.innerText.includes(wanted), {}, text);
      } catch {
        assert.fail(`"${text}" is not to be seen in:\n${await this.text()}`);
      }
    }
  }

  async doesNotSee(text) {
    try {
      await this.page.waitForFunction((unwanted) => !document.body.innerText.includes(unwanted), {}, text);
    } catch {
      assert.fail(`"${text}" is to be seen in:\n${await this.text()}`);
    }
  }

  text() {
    return this.page.evaluate(() => document.body.innerText);
  }

  /** How many elements of this selector are there now. */
  count(selector) {
    return this.page.$$eval(selector, (all) => all.length);
  }

  /** Waits until there are so many. */
  async finds(count, selector) {
    try {
      await this.page.waitForFunction((wanted, css) => document.querySelectorAll(css).length === wanted, {}, count, selector);
    } catch {
      assert.fail(`${await this.count(selector)} of ${selector}, not ${count}, in:\n${await this.text()}`);
    }
  }

  get narrow() {
    return this.width < 896;
  }

  async signIn(token) {
    await this.fill("Admin token", token);
    await this.press("Sign in");
  }

  async signOut() {
    if (this.narrow) await this.press("Menu");
    await this.press("Sign out");
  }

  /** The link beside the view, wherever it leads. */
  async goThrough(title) {
    if (this.narrow) await this.press("Menu");
    const link = await this.page.waitForSelector(`#places a[href="#/${title.toLowerCase()}"]`, { visible: true });
    await link.click();
  }

  /** By the links beside the view, as one goes with a mouse. */
  async visit(title) {
    await this.goThrough(title);
    await this.page.waitForFunction((wanted) => document.querySelector("h1")?.innerText === wanted, {}, title);
    await this.quiet();
  }

  /** By its address, as one follows a link somebody sent. */
  async goTo(address) {
    await this.page.evaluate((hash) => {
      location.hash = hash;
    }, address);
    await this.quiet();
  }

  /** Waits until nothing is loading. */
  async quiet() {
    await this.page.waitForFunction(() => document.querySelector("main") && !document.querySelector("[aria-busy], .spinner") && document.querySelector("main .view")?.childElementCount !== 0);
  }

  /** Confirms the open dialog, and waits until it is gone. */
  async confirm(label) {
    await this.page.locator(`dialog[open] ::-p-aria([name="${label}"][role="button"])`).click();
    await this.finds(0, "dialog[open]");
  }

  async look(theme) {
    await this.page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }, { name: "prefers-reduced-motion", value: "reduce" }]);
  }

  /** Pictures of what is shown in both themes, with no serious fault by axe and nothing beside the screen. */
  async inspect(name) {
    for (const theme of ["light", "dark"]) {
      await this.look(theme);
      const beside = await this.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(beside <= 0, `${name} scrolls sideways by ${beside} pixels at ${this.width}`);
      await this.page.screenshot({ path: `screenshots/${name}-${this.width}-${theme}.png`, fullPage: true });
      assert.deepEqual(await this.faults(theme), [], `${name} at ${this.width}, ${theme}`);
    }
    await this.look("light");
  }

  /** What axe calls serious or critical. Only colours can differ in the second theme; `thorough` looks at everything again. */
  async faults(theme) {
    if (!(await this.page.evaluate(() => "axe" in window))) await this.page.evaluate(AXE);
    const only = theme === "dark" && !this.thorough ? { runOnly: ["color-contrast"] } : {};
    const { violations } = await this.page.evaluate((options) => window.axe.run(document, { resultTypes: ["violations"], ...options }), only);
    return violations.filter(({ impact }) => impact === "serious" || impact === "critical").map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`);
  }
}
