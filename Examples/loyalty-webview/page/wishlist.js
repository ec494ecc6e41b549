// A customer's wishes. This page hangs on the customer profile, where the app knows a profile in place of a cart.

import { ask, begin, draw, show } from "./shared.js";

begin("customer-profile", load);

async function load(kit, session, context) {
  const { profileId } = context.formData ?? {};
  if (!profileId) return notice("Wishes", "Save the customer first, then open this page from the profile.");
  const answer = await ask("wishlist", context, { profileId }, () => load(kit, session, context));
  if (!answer) return;
  const { customer } = answer;
  if (!customer) return notice("No wishes yet", "What the customer marks in the web shop is shown here.");
  const items = customer.wishes.map(({ title, detail }) => draw("li", {}, draw("p", { className: "wish" },
    draw("span", { className: "reward" }, draw("strong", {}, title), draw("small", {}, detail)))));
  show(draw("header", {}, draw("p", { className: "store" }, "Wishes"), draw("h1", {}, customer.name)), draw("ul", {}, ...items));
}

function notice(title, text) {
  show(draw("section", { className: "notice" }, draw("h1", {}, title), draw("p", {}, text)));
}
