// The Associate App, as far as identities are concerned. Its server has the state; this draws it.

const { screen, webview, title, close, frame, native, panel, error } = Object.fromEntries(
  ["screen", "webview", "title", "close", "frame", "native", "panel", "error"].map((id) => [id, document.getElementById(id)]));

const deliveries = { fragment: "Fragment", global: "window.NEWSTORE", link: "Deep link" };
let state;
let drawn;
let delivery = "fragment";

/** Presses a button: asks the server, and draws what is so now. Returns its answer, undefined if it refused. */
async function press(what, question = {}) {
  const answer = await fetch(what, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(question),
  }).catch(() => null);
  const document = answer ? await answer.json() : { error: "The fake NewStore does not answer." };
  error.textContent = document.error ?? "";
  await refresh();
  return document.error ? undefined : document;
}

async function refresh() {
  const answer = await fetch("state").catch(() => null);
  const text = answer && await answer.text();
  if (!text || text === drawn || panel.contains(globalThis.document.activeElement?.closest("input"))) return;
  drawn = text;
  state = JSON.parse(text);
  screen.replaceChildren(...(state.associate ? home() : login()));
  panel.replaceChildren(callbacks(), badDays(), links(), orders());
}

// The phone

function login() {
  const failed = state.last.filter((it) => it.outcome === "failed");
  return [
    draw("h1", {}, "Associate App"),
    ...Object.entries(state.associates).map(([id, name]) => button(`Log in as ${name}`, "login", { associate: id })),
    ...(failed.length ? [draw("p", { className: "bad" }, "Login failed: ", failed.map((it) => it.provider).join(", "))] : []),
  ];
}

function home() {
  const { cart, customers, customer, webviews, attributes } = state;
  const choice = draw("select", { onchange: () => press("customer", { email: choice.value }) },
    draw("option", { value: "" }, "No customer"), ...customers.map((it) => draw("option", { value: it }, it)));
  choice.value = customer ?? "";
  const hand = draw("select", { onchange: () => (delivery = hand.value) },
    ...Object.entries(deliveries).map(([value, text]) => draw("option", { value }, text)));
  hand.value = delivery;
  const line = (name, value, className = "") => draw("p", { className: `line ${className}` }, draw("span", {}, name), draw("b", {}, value));
  return [
    draw("h1", {}, "Cart"),
    draw("label", {}, "Customer", choice),
    draw("div", { className: "cart" },
      ...cart.items.map((it, index) => line(cart.names[index], amount(it.price))),
      line("With tax", amount(cart.grandTotal)),
      ...cart.selectedCoupons.map((code) => line(code, "coupon", "coupon")),
      line("To pay", amount(cart.remainingAmount), "total")),
    ...webviews.map((it, index) => draw("button", { className: "page", onclick: () => open(index, it) }, it.title)),
    draw("label", {}, "Hand over by", hand),
    ...Object.entries(attributes).map(([name, value]) => line(name, value)),
    button("Place the order", "order"),
    button(`Log out ${state.associates[state.associate]}`, "logout"),
  ];
}

async function open(index, { title: name, place, url }) {
  const isNative = !url.startsWith("http");
  // NewStore documents a deep link for the cart's page alone.
  const answer = await press("open", { webview: index, delivery: place === "cart" || delivery !== "link" ? delivery : "fragment" });
  if (!answer) return;
  title.textContent = name;
  native.hidden = !isNative;
  frame.hidden = isNative;
  native.textContent = isNative ? answer.address : "";
  // Also if the fragment alone differs from the last visit's.
  frame.removeAttribute("src");
  if (!isNative) setTimeout(() => (frame.src = answer.address));
  webview.hidden = false;
  screen.hidden = true;
}

function shut() {
  webview.hidden = true;
  screen.hidden = false;
  frame.removeAttribute("src");
}

close.onclick = shut;
addEventListener("message", ({ source, origin, data }) => {
  if (source === frame.contentWindow && state.shells.includes(origin) && typeof data?.link === "string") take(data.link);
});

async function take(link) {
  shut();
  await press("link", { link });
}

// Beside the phone

function callbacks() {
  const words = { identity: "external identity", none: "no identity", failed: "failed" };
  return card("Login callbacks",
    draw("p", { className: "hint" }, "The switch is NewStore's: whether a failed callback fails the login."),
    ...state.callbacks.map(({ provider, url, mode }) => {
      const last = state.last.find((it) => it.provider === provider);
      return draw("div", { className: "row" },
        draw("span", { className: "grow" }, draw("b", {}, provider), draw("small", {}, url)),
        button(mode, "mode", { provider }),
        last ? draw("span", { className: last.outcome === "failed" ? "bad" : last.detail ? "odd" : "good" },
          `${last.status || "—"} ${words[last.outcome]}`, draw("small", {}, `${last.milliseconds} ms ${last.detail}`))
          : draw("span", {}, "not called yet"));
    }));
}

function badDays() {
  const { opening, store } = state;
  return card("Bad days",
    draw("p", { className: "buttons" },
      button("Store opening", "opening"), button("Token expired", "login", { associate: "jane", expired: true }),
      ...(store ? [button(store === "here" ? "Redis gone" : "Redis back", "store")] : [])),
    ...(store === "gone" ? [draw("p", { className: "bad" }, "Redis is gone. Log in, or open a page, and see.")] : []),
    ...(opening ? [draw("p", { className: opening.failed ? "bad" : "good", id: "opening" },
      `${opening.logins} logins, ${opening.callbacks} callbacks in ${opening.seconds} s; median ${opening.median} ms, ` +
      `slowest ${opening.slowest} ms; ${opening.failed} failed, ${opening.none} without an identity`)] : []));
}

function links() {
  const field = draw("input", { placeholder: "com.newstore.associate-one://…", ariaLabel: "Link" });
  return card("Link back",
    draw("p", { className: "hint", id: "link" }, state.link ?? "None came back since the last page was opened."),
    draw("p", { className: "buttons" }, field, draw("button", { onclick: () => { field.blur(); take(field.value); } }, "Take a native app's link")));
}

function orders() {
  const events = state.events.map(({ name, order, answers }, index) => draw("div", { className: "row event" },
    draw("span", { className: "grow" }, draw("b", {}, name), draw("small", {}, `${order}: ${answers.join(", ")}`)),
    button("Again", "deliver", { index }), button("Forged", "deliver", { index, forged: true })));
  return card("Orders and events",
    ...state.orders.map(({ id, total, done }) => draw("div", { className: "row" },
      draw("span", { className: "grow" }, draw("b", {}, id), draw("small", {}, `${amount(total / 100)} paid`)),
      ...[["order.completed", "Complete"], ["return.processed", "Return"]].filter(([event]) => !done.includes(event))
        .map(([event, text]) => button(text, "proceed", { order: id, event })))),
    ...(events.length ? events : [draw("p", { className: "hint" }, "Place an order: its events go to the loyalty back end.")]));
}

function card(name, ...content) {
  return draw("section", { className: "card" }, draw("h2", {}, name), ...content);
}

function button(text, what, question) {
  return draw("button", { onclick: () => press(what, question) }, text);
}

function amount(value) {
  return value.toLocaleString("en", { style: "currency", currency: state.cart.currency });
}

/** An element with text and elements in it. Text is never read as HTML. */
function draw(name, properties, ...content) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...content);
  return element;
}

refresh();
// The loyalty back end calls too.
setInterval(refresh, 1000);
