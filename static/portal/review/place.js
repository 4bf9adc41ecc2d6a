// The review page: coming back to it is coming back to the same row and the same scroll.
(() => {
  "use strict";
  const { byId, rows } = window.reviewPage;
  const row = () => document.activeElement?.closest?.("#bulk tbody tr") || document.querySelector("#bulk tr.is-open");
  let last = history.state?.place?.row || "";
  let timer = 0;

  function remember() {
    last = row()?.id || last;
    history.replaceState({ ...history.state, place: { row: last, scroll: window.scrollY } }, "");
  }

  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(remember, 100);
  };

  function restore() {
    const place = history.state?.place;
    if (!place) return;
    window.scrollTo({ top: place.scroll, behavior: "instant" });
    byId(place.row)?.focus({ preventScroll: true });
  }

  // Another page of the list is another list: it starts at its top.
  document.addEventListener("htmx:afterSettle", (event) => {
    const { elt, requestConfig, target } = event.detail;
    if (target?.id !== "results" || !requestConfig?.elt?.matches?.("#bulk .pagination a, a[id^=page-]")) return;
    last = "";
    document.querySelector("#bulk")?.scrollIntoView({ block: "start", behavior: "instant" });
    rows()[0]?.focus({ preventScroll: true });
  });

  document.addEventListener("focusin", () => rows().length && soon());
  document.addEventListener("click", remember, true);
  document.addEventListener("keydown", (event) => event.key === "Enter" && remember(), true);
  window.addEventListener("scroll", soon, { passive: true });
  window.addEventListener("pagehide", remember);
  if (history.state?.place) history.scrollRestoration = "manual";
  document.addEventListener("DOMContentLoaded", restore);
  window.addEventListener("load", restore);
})();
