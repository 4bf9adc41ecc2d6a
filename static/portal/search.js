// The one search: "/" or Ctrl-K goes to it, what it finds opens below, and the arrow keys go through that.
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const isOff = () => localStorage.getItem("portal-keys-off") === "1";
  const links = () => [...document.querySelectorAll("#found a, #found summary, #found button")].filter((each) => each.offsetParent);

  function go() {
    const field = byId("find");
    if (!field) return;
    if (!field.offsetParent) {
      // On a phone the field is in the menu; the page has one of its own.
      location.assign(field.form.action);
      return;
    }
    field.focus();
    field.select();
  }

  function close() {
    const found = byId("found");
    if (found) found.hidden = true;
  }

  function step(by) {
    const all = links();
    const at = all.indexOf(document.activeElement) + by;
    (at < 0 ? byId("find") : all[Math.min(at, all.length - 1)])?.focus();
  }

  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input:not([type=checkbox]), select, textarea, dialog, [contenteditable]");
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      go();
    } else if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) {
      return;
    } else if (event.key === "/" && !isTyping && !isOff() && !byId("filters")) {
      // The review page's own filter has this key there.
      event.preventDefault();
      go();
    } else if (event.target.closest(".find")) {
      if (event.key === "Escape") {
        close();
        byId("find").focus();
      } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        step(event.key === "ArrowDown" ? 1 : -1);
      }
    }
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target?.id !== "found") return;
    event.detail.target.hidden = !event.target.closest(".find")?.contains(document.activeElement);
    byId("live").textContent = event.detail.target.querySelector(".found")?.dataset.counted || "";
  });

  document.addEventListener("focusin", (event) => {
    if (!event.target.closest(".find")) close();
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".find")) close();
  });
})();
