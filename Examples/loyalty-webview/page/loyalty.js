// The page: who opened it is settled first, then the back end is asked for rewards, and only then is anything drawn.

import("countersign").then(
  (kit) => begin(kit),
  () => deny("unreachable"),
);

const page = document.getElementById("page");

function begin(kit) {
  return kit.start({
    // Without it any good session is shown the page where this origin also serves another provider, or Countersign itself.
    identityProvider: "vip-loyalty",
    render: (session, context) => new Rewards(kit, session, context).load(),
    deny: (reason) => deny(reason, () => begin(kit)),
  });
}

const reasons = {
  no_identity: ["Open this page from the app", "It needs to know who you are, and only the Associate App can tell."],
  expired: ["Your session has ended", "Log out of the Associate App and in again, then open rewards once more."],
  refused: ["This page is not for this login", "Log in to the Associate App again. If that does not help, call support."],
  unreachable: ["Rewards cannot be reached", "The connection or the service is down. The cart is not affected."],
};

/** @param again what a button does; without it the page is loaded again. */
function deny(reason, again = () => location.reload()) {
  const [title, advice] = reasons[reason];
  const parts = [draw("h1", {}, title), draw("p", {}, advice)];
  if (reason === "unreachable") parts.push(draw("button", { className: "action", onclick: again }, "Try again"));
  const notice = draw("section", { className: "notice" }, ...parts);
  notice.dataset.reason = reason;
  page.replaceChildren(notice);
}

/** What a member may choose from, for the cart that the app showed. */
class Rewards {
  #rows = [];

  constructor(kit, session, context) {
    Object.assign(this, { kit, session, context });
  }

  async load() {
    const answer = await this.#ask("rewards", { customerEmail: this.context.cart?.customerEmail });
    if (answer) this.#show(answer);
  }

  /** Asks our back end, which verifies the external identity itself; undefined once a denial is shown. */
  async #ask(what, question) {
    let answer;
    try {
      answer = await fetch(`api/${what}`, {
        method: "POST",
        headers: { "Content-Type": "application/json", Authorization: `Bearer ${this.context.externalIdentity}` },
        body: JSON.stringify(question),
      });
      if (answer.ok) return await answer.json();
    } catch {
      // No answer at all: as if the back end were down.
    }
    deny(answer?.status === 401 ? "expired" : "unreachable", () => this.load());
  }

  #show({ member, rewards }) {
    const { cart, store } = this.context;
    const header = draw("header", {},
      draw("p", { className: "store" }, store?.name ?? "Rewards"),
      draw("h1", {}, cart?.customerName ?? member?.name ?? cart?.customerEmail ?? "No customer in the cart"));
    if (!member) {
      page.replaceChildren(header, draw("section", { className: "notice" },
        draw("p", {}, "Not a member yet. Rewards appear here once the customer has joined.")));
      return;
    }
    header.append(draw("p", { className: "standing" },
      draw("strong", {}, member.points.toLocaleString("en")), " points", draw("span", { className: "tier" }, member.tier)));
    if (this.session.session === "unconfirmed") {
      header.append(draw("p", { className: "hint" }, "Your login could not be confirmed just now: look, but do not redeem yet."));
    }
    const action = draw("button", { className: "action", onclick: () => this.#redeem(action) });
    const update = () => this.#update(action, member.points);
    this.#rows = rewards.map((reward) => ({ reward, box: draw("input", { type: "checkbox", onchange: update }) }));
    update();
    const items = this.#rows.map(({ reward, box }) => draw("li", {}, draw("label", {}, box,
      draw("span", { className: "reward" }, draw("strong", {}, reward.title), draw("small", {}, reward.detail)),
      draw("span", { className: "price" }, `${reward.points.toLocaleString("en")} pts`))));
    page.replaceChildren(header, draw("ul", {}, ...items), draw("footer", {}, action));
  }

  get #chosen() {
    return this.#rows.filter(({ box }) => box.checked).map(({ reward }) => reward);
  }

  /** What the points that are left do not buy cannot be chosen. */
  #update(action, points) {
    const chosen = this.#chosen;
    const spent = chosen.reduce((sum, reward) => sum + reward.points, 0);
    for (const { reward, box } of this.#rows) box.disabled = !box.checked && reward.points > points - spent;
    action.disabled = chosen.length === 0;
    action.textContent = chosen.length === 0 ? "Choose rewards"
      : `Apply ${chosen.length} reward${chosen.length > 1 ? "s" : ""} · ${spent.toLocaleString("en")} points`;
  }

  async #redeem(action) {
    action.disabled = true;
    const answer = await this.#ask("redeem", {
      customerEmail: this.context.cart?.customerEmail, rewards: this.#chosen.map((reward) => reward.id),
    });
    if (!answer) return;
    const address = this.kit.couponsLink(answer.coupons, this.context);
    const link = draw("a", { className: "action", href: address }, "Back to the cart");
    const done = draw("section", { className: "notice done" },
      draw("h1", {}, "Done"), draw("p", {}, "The coupons are on their way to the cart."), link);
    page.replaceChildren(done);
    link.click();
  }
}

/** An element with text and elements in it. Text is never read as HTML. */
function draw(name, properties, ...content) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...content);
  return element;
}
