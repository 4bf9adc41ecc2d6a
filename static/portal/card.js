// The account's card beside the list. Without it, a name leads to the account's own page.
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const rows = () => [...document.querySelectorAll("#bulk tbody tr")];
  const isOpen = () => !byId("card").hidden;
  let current = "";

  function open(row, { focus = false } = {}) {
    const link = row?.querySelector("[data-card]");
    if (!link) return close();
    current = row.id;
    mark();
    const card = byId("card");
    card.hidden = false;
    document.body.classList.add("has-card");
    address(row.id.replace("row-", ""));
    htmx.ajax("GET", link.dataset.card, { target: "#card", swap: "innerHTML" }).then(() => {
      card.scrollTop = 0;
      if (focus) byId("card-title")?.focus({ preventScroll: true });
    });
  }

  function close() {
    if (!isOpen()) return;
    byId("card").hidden = true;
    byId("card").replaceChildren();
    document.body.classList.remove("has-card");
    address("");
    const row = byId(current) || rows()[0];
    current = "";
    mark();
    row?.focus();
  }

  function mark() {
    rows().forEach((row) => row.classList.toggle("is-open", row.id === current));
  }

  // The card is part of the address, so that it is there again after a reload.
  function address(key) {
    const url = new URL(location.href);
    if (key) url.searchParams.set("card", key);
    else url.searchParams.delete("card");
    history.replaceState(history.state, "", url);
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-card-close]")) return close();
    const link = event.target.closest("a[data-card]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    open(link.closest("tr"), { focus: true });
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && isOpen() && !document.querySelector("dialog[open]")) close();
  });

  // The card follows the row that the keyboard is on.
  document.addEventListener("focusin", (event) => {
    if (isOpen() && event.target.matches("#bulk tbody tr") && event.target.id !== current) open(event.target);
  });

  // A decision taken in the card is sent as those of the list are, and the next account takes its place.
  document.addEventListener("submit", (event) => {
    if (!event.target.closest("#card")) return;
    event.preventDefault();
    const reason = event.target.querySelector("input[name=reason]");
    reason.required = ["exempt", "withdraw"].includes(event.submitter?.value);
    if (!reason.reportValidity()) return;
    const fields = new FormData(event.target, event.submitter);
    const list = new URL(location.href);
    list.searchParams.delete("card");
    fields.set("next", list.pathname + list.search);
    // The focus goes on to the next row, and the card follows it.
    window.reviewPage.decide(fields, [byId(current)].filter(Boolean)).then(() => rows().length || close());
  });

  document.addEventListener("htmx:afterSwap", (event) => event.target.id === "results" && isOpen() && mark());

  document.addEventListener("DOMContentLoaded", () => {
    const key = new URLSearchParams(location.search).get("card");
    if (key && byId(`row-${key}`)) open(byId(`row-${key}`));
  });
})();
