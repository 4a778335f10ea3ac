// The way in: a token of the configuration, or one that was made on the tokens view.
import { brand, themeButton } from "./frame.js";
import { api, ApiError } from "./api.js";
import { h, replace } from "./dom.js";
import { session } from "./session.js";

/** Shows the form in `box`; `why` is told above it. `entered` runs once the token was accepted. */
export function showSignIn(box, why, entered) {
  const token = h("input", { id: "token", name: "token", type: "password", autocomplete: "current-password", spellcheck: "false", "aria-describedby": "token-hint token-trouble" });
  const trouble = h("p", { id: "token-trouble", class: "field-trouble", role: "alert" });
  const button = h("button", { type: "submit", class: "primary" }, "Sign in");
  const form = h("form", { class: "signin-form" },
    h("div", { class: "field" }, h("label", { for: "token" }, "Admin token"), token,
      h("p", { class: "hint", id: "token-hint" }, "One of admin.tokens in membridge.yaml. It stays in this tab and is forgotten when the tab is closed."), trouble),
    button);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const given = token.value.trim();
    if (given === "") return void replace(trouble, "Enter a token.");
    button.disabled = true;
    try {
      session.signedIn(await api.tryToken("session", given));
      session.keep(given);
      entered();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      replace(trouble, error.status === 401 ? "This token is not accepted." : `${error.message} ${error.hint}`);
      token.setAttribute("aria-invalid", "true");
      token.select();
    } finally {
      button.disabled = false;
    }
  });
  replace(box, h("main", { id: "main", class: "signin", tabindex: "-1" },
    h("h1", {}, brand()),
    h("p", { class: "lead" }, "Keeps your tables equal to what Mem0 remembers. This is its operator’s page."),
    why ? h("p", { class: "why", role: "status" }, why) : null, form, h("div", { class: "signin-ends" }, themeButton())));
  document.title = "Sign in · Membridge";
  token.focus();
}
