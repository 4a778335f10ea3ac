// An address that leads nowhere, or to where this role may not look.
import { h, replace } from "../dom.js";
import { empty } from "../parts/states.js";
import { session } from "../session.js";

export default function show({ body, forbidden }) {
  replace(body, empty(forbidden ? `The role ${session.who.role} may not see this.` : "This address leads nowhere."),
    h("p", { class: "pager" }, h("a", { class: "button", href: "#/overview" }, "To the overview")));
}
