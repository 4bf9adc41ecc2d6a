// The review page: deciding from the keyboard, which whoever does not want it switches off.
(() => {
  "use strict";
  const SWITCH = "portal-keys-off";
  const { byId, rows } = window.reviewPage;

  const isOff = () => localStorage.getItem(SWITCH) === "1";
  const isTyping = (element) =>
    element.closest("dialog") || element.matches("input:not([type=checkbox]), select, textarea, [contenteditable]");

  function step(by) {
    const all = rows();
    const at = all.indexOf(document.activeElement?.closest("#bulk tbody tr") || document.querySelector("#bulk tr.is-open"));
    const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  }

  // Where a card is open, its account is meant; else those that are ticked.
  const decider = () => (document.body.classList.contains("has-card") ? byId("card") : byId("bulk"));
  const reason = () => decider()?.querySelector("input[name=reason]");
  const button = (decision) => decider()?.querySelector(`button[value=${decision}]`);
  const current = () =>
    document.activeElement?.closest("#bulk tbody tr") || document.querySelector("#bulk tr.is-open");

  const keys = {
    j: () => step(1),
    k: () => step(-1),
    x: () => current()?.querySelector("input[name=account]")?.click(),
    a: () => button("approve")?.focus(),
    e: () => (reason()?.value ? button("exempt") : reason())?.focus(),
    l: () => button("snooze")?.focus(),
    o: () => current()?.querySelector("a.account-link")?.click(),
    w: () => (reason()?.value ? button("withdraw") : reason())?.focus(),
    "/": () => byId("id_q")?.focus(),
    "?": () => byId("keys")?.showModal(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isTyping(event.target)) return;
    if (event.key !== "?" && isOff()) return;
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
