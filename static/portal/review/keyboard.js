// The review page: deciding from the keyboard, which whoever does not want it switches off.
(() => {
  "use strict";
  const SWITCH = "portal-keys-off";
  const { byId, rows } = window.reviewPage;
  // What decide.js and popover.js add to the page is there by the time a key is pressed.
  const page = window.reviewPage;

  const isOff = () => localStorage.getItem(SWITCH) === "1";
  const isTyping = (element) =>
    element.closest("dialog") || element.matches("input:not([type=checkbox]), select, textarea, [contenteditable]");

  function step(by) {
    const all = rows();
    const at = all.indexOf(document.activeElement?.closest("#bulk tbody tr") || document.querySelector("#bulk tr.is-open"));
    const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by];
    next?.focus({ preventScroll: true });
    next?.scrollIntoView({ block: "nearest", behavior: "instant" });
  }

  const current = () =>
    document.activeElement?.closest("#bulk tbody tr") || document.querySelector("#bulk tr.is-open");
  // Where a card is open, its account is meant; else those that are selected, else the row.
  function meant() {
    const open = document.querySelector("#bulk tr.is-open");
    if (document.body.classList.contains("has-card") && open) return [open];
    const ticked = page.ticked();
    return ticked.length ? ticked : [current()].filter(Boolean);
  }
  const isEveryone = () => Boolean(document.querySelector(".action-bar")?.dataset.everyone);
  const inBar = (decision) => document.querySelector(`.action-bar button[value=${decision}]`)?.focus();
  const atOnce = (decision) => (isEveryone() ? inBar(decision) : page.atOnce(decision, meant()));
  const withReason = (decision) => (isEveryone() ? byId("bulk-reason")?.focus() : page.ask(decision, meant()));

  // No reason is asked for where there is nothing to withdraw.
  function withdraw() {
    const isDecided = meant().some((row) => row.querySelector("input[name=account][data-decided]"));
    if (isDecided || isEveryone()) withReason("withdraw");
    else if (meant().length) window.trouble.tell(byId("popover").dataset.withdrawNone);
  }

  const keys = {
    j: () => step(1),
    k: () => step(-1),
    x: () => current()?.querySelector("input[name=account]")?.click(),
    a: () => atOnce("approve"),
    e: () => withReason("exempt"),
    l: () => atOnce("snooze"),
    o: () => current()?.querySelector("a.account-link")?.click(),
    w: withdraw,
    u: () => page.settled().then(() => document.querySelector("#messages [data-undo]")?.click()),
    "/": () => byId("id_q")?.focus(),
    "?": () => byId("keys")?.showModal(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isTyping(event.target)) return;
    if (event.key !== "?" && isOff()) return;
    if (event.repeat && !"jk".includes(event.key)) return;
    if (event.key === "Enter" && event.target.matches("#bulk tbody tr")) {
      event.target.querySelector("a.account-link")?.click();
    } else if (Object.hasOwn(keys, event.key)) {
      event.preventDefault();
      keys[event.key]();
    }
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-keys]")) byId("keys").showModal();
  });

  document.addEventListener("change", (event) => {
    if (event.target.id !== "keys-on") return;
    if (event.target.checked) localStorage.removeItem(SWITCH);
    else localStorage.setItem(SWITCH, "1");
  });

  document.addEventListener("DOMContentLoaded", () => {
    byId("keys-on").checked = !isOff();
  });
})();
