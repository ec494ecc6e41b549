// Rewards for the cart: who opened the page is settled first, then the back end is asked, and only then is anything drawn.

import { ask, begin, draw, show } from "./shared.js";

begin("vip-loyalty", (kit, session, context) => new Rewards(kit, session, context).load());

/** What a member may choose from, for the cart that the app showed. */
class Rewards {
  #rows = [];
  #applied = [];
  #points = null;

  constructor(kit, session, context) {
    Object.assign(this, { kit, session, context });
    this.action = draw("button", { className: "action", onclick: () => this.#redeem() });
  }

  async load() {
    const answer = await this.#ask("rewards");
    if (!answer) return;
    const { cart } = this.context;
    const name = cart?.customerName ?? answer.member?.name ?? cart?.customerEmail ?? "No customer in the cart";
    const header = draw("header", {},
      draw("p", { className: "store" }, answer.store ?? "Rewards"), draw("h1", {}, name));
    if (answer.member) this.#show(header, answer);
    else this.#invite(header);
  }

  #ask(what, more = {}) {
    const { cart, store } = this.context;
    return ask(what, this.context, { cart, store, ...more }, () => this.load());
  }

  /** A customer who is no member can become one here; without a customer the way on is back in the app. */
  #invite(header) {
    if (!this.context.cart?.customerEmail) {
      show(header, draw("section", { className: "notice" },
        draw("p", {}, "Add a customer to the cart, then open rewards again.")));
      return;
    }
    const name = draw("input", { type: "text", autocomplete: "off", maxLength: 100, oninput: () => update() });
    const join = draw("button", { className: "action", onclick: async () => {
      join.disabled = true;
      if (await this.#ask("join", { name: name.value.trim() })) this.load();
    } }, "Join");
    const update = () => (join.disabled = !name.value.trim());
    update();
    show(header, draw("section", { className: "notice" },
      draw("p", {}, "Not a member yet. Joining takes a name, and brings the first points."),
      draw("label", { className: "field" }, "Name", name), join));
  }

  #show(header, { member, rewards, applied, pointsPerUnit }) {
    header.append(draw("p", { className: "standing" },
      draw("strong", {}, number(member.points)), " points", draw("span", { className: "tier" }, member.tier)));
    if (this.session.session === "unconfirmed") {
      header.append(draw("p", { className: "hint" }, "Your login could not be confirmed just now: look, but do not redeem yet."));
    }
    const update = () => this.#update(member.points, pointsPerUnit);
    const row = (it, checked) => ({ ...it, box: draw("input", { type: "checkbox", checked, onchange: update }) });
    this.#applied = applied.map((it) => row(it, true));
    this.#rows = rewards.map((it) => row(it, false));
    this.#points = draw("input", { type: "range", min: 0, step: pointsPerUnit, value: 0, oninput: update });
    const lists = [
      ["On this cart", this.#applied.map((it) => item(it, it.cents ? `−${this.#money(it.cents)}` : ""))],
      ["Yours to use", this.#rows.filter((it) => !it.points).map((it) => item(it, `−${this.#money(it.cents)}`))],
      ["For points", this.#rows.filter((it) => it.points).map((it) => item(it, `${number(it.points)} pts`))],
    ].filter(([, items]) => items.length);
    this.worth = draw("span", { className: "price" });
    const dynamic = draw("label", { className: "dynamic" },
      draw("span", { className: "reward" }, draw("strong", {}, "Pay with points"),
        draw("small", {}, `${pointsPerUnit} points pay ${this.#money(100)}`)), this.worth, this.#points);
    show(header, ...lists.flatMap(([title, items]) => [draw("h2", {}, title), draw("ul", {}, ...items)]),
      dynamic, draw("footer", {}, this.action));
    update();
  }

  #money(cents) {
    const { currency } = this.context.cart ?? {};
    return (cents / 100).toLocaleString("en", currency ? { style: "currency", currency } : { minimumFractionDigits: 2 });
  }

  /** What the points that are left do not buy, or is worth more than is left to pay, cannot be chosen. */
  #update(points, pointsPerUnit) {
    const chosen = this.#rows.filter(({ box }) => box.checked);
    const removed = this.#applied.filter(({ box }) => !box.checked);
    const sum = (rows, name) => rows.reduce((total, row) => total + row[name], 0);
    const toPay = Math.round((this.context.cart?.remainingAmount ?? Infinity) * 100) + sum(removed, "cents") - sum(chosen, "cents");
    const left = points - sum(chosen, "points");
    const perPoint = 100 / pointsPerUnit;
    const most = Math.floor(Math.min(left, toPay / perPoint) / pointsPerUnit) * pointsPerUnit;
    this.#points.max = Math.max(most, 0);
    this.#points.disabled = most <= 0;
    const paid = Number(this.#points.value);
    for (const { box, ...row } of this.#rows) {
      box.disabled = !box.checked && (row.points > left - paid || row.cents > toPay - paid * perPoint);
    }
    this.worth.textContent = `${number(paid)} pts · −${this.#money(paid * perPoint)}`;
    const count = chosen.length + (paid > 0);
    this.action.disabled = count === 0 && removed.length === 0;
    this.action.textContent = this.action.disabled ? "Choose rewards"
      : count === 0 ? `Remove ${plural(removed.length, "coupon")}`
        : `Apply ${plural(count, "reward")} · ${number(sum(chosen, "points") + paid)} points`;
  }

  async #redeem() {
    this.action.disabled = true;
    const answer = await this.#ask("redeem", {
      keep: this.#applied.filter(({ box }) => box.checked).map(({ code }) => code),
      rewards: this.#rows.filter(({ box }) => box.checked).map(({ id }) => id),
      points: Number(this.#points.value),
    });
    if (!answer) return;
    const address = this.kit.couponsLink(answer.coupons, this.context);
    const link = draw("a", { className: "action", href: address }, "Back to the cart");
    show(draw("section", { className: "notice done" },
      draw("h1", {}, "Done"), draw("p", {}, "The coupons are on their way to the cart."), link));
    link.click();
  }
}

function item({ box, title, code, detail }, price) {
  return draw("li", {}, draw("label", {}, box,
    draw("span", { className: "reward" }, draw("strong", {}, title), draw("small", {}, detail ?? (title === code ? "" : code))),
    draw("span", { className: "price" }, price)));
}

function number(value) {
  return value.toLocaleString("en");
}

function plural(count, word) {
  return `${count} ${word}${count > 1 ? "s" : ""}`;
}
