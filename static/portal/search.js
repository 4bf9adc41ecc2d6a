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
    ask(field);
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
        if (event.key === "ArrowDown" && byId("found").hidden) ask(byId("find"));
        else step(event.key === "ArrowDown" ? 1 : -1);
      }
    }
  });

  // What was asked last is what is shown; an older question is dropped, also when the page is left.
  let asking = new AbortController();
  let soon = 0;

  async function ask(field) {
    asking.abort();
    asking = new AbortController();
    const query = new URLSearchParams(new FormData(field.form));
    try {
      const answer = await fetch(`${field.form.action}?${query}`, {
        headers: { "HX-Request": "true" },
        signal: asking.signal,
      });
      // Whoever was signed out meanwhile is led to the page that signs in: that is no result.
      if (!answer.ok || answer.redirected || answer.headers.has("HX-Redirect")) return;
      const found = byId("found");
      found.innerHTML = await answer.text();
      found.hidden = !found.closest(".find").contains(document.activeElement);
      byId("live").textContent = found.querySelector(".found")?.dataset.counted || "";
    } catch (error) {
      if (error.name !== "AbortError" && !(error instanceof TypeError)) throw error;
    }
  }

  document.addEventListener("input", (event) => {
    if (event.target.id !== "find") return;
    clearTimeout(soon);
    soon = setTimeout(() => ask(event.target), 150);
  });
  // Not by the Tab key alone: whoever only passes would have every suggestion in the way.
  document.addEventListener("click", (event) => {
    if (event.target.id === "find") ask(event.target);
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.closest(".find")) return;
    clearTimeout(soon);
    asking.abort();
  });

  document.addEventListener("focusin", (event) => {
    if (!event.target.closest(".find")) close();
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".find")) close();
  });
})();
