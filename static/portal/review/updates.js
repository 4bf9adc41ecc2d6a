// The review page: what the server's answers mean, and what is sent with the next question.
(() => {
  "use strict";
  const { byId, boxes, kept, keep, refresh, forgetAbsent } = window.reviewPage;
  let isReload = false;

  // An empty field is no filter. A heading or page that is clicked while a filter is being typed keeps what was typed.
  document.addEventListener("htmx:configRequest", (event) => {
    const { detail } = event;
    if (detail.verb !== "get" || !byId("filters")) return;
    [...detail.formData.entries()].forEach(([name, value]) => {
      if (value === "") detail.formData.delete(name);
    });
    if (!detail.elt.matches("#bulk .table-container a")) return;
    const url = new URL(detail.path, location.href);
    new FormData(byId("filters")).forEach((value, name) => {
      if (name === "sort") return;
      if (value === "") url.searchParams.delete(name);
      else url.searchParams.set(name, value);
    });
    detail.path = url.pathname + url.search;
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, serverResponse } = event.detail;
    if ((xhr.status === 409 || xhr.status === 422) && !window.trouble.isPage(serverResponse)) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    }
  });

  // At once: a button that is pressed before the list has settled decides on what was ticked, and on nobody else.
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target?.id !== "results") return;
    if (isReload) forgetAbsent();
    else keep();
    refresh();
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target?.id === "results") keep();
    refresh();
    markDecided();
  });

  // Rows on which others decided since the list was loaded.
  function markDecided() {
    document.querySelectorAll("#news [data-account]").forEach((said) => {
      const cell = byId(`row-${said.dataset.account}`)?.querySelector(".cell-account");
      if (!cell || cell.querySelector(".decided-note")) return;
      const note = document.createElement("span");
      note.className = "cell-line decided-note";
      note.textContent = said.textContent;
      cell.append(note);
    });
  }

  // The list as it is now keeps the ticks and the reason that still make sense.
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-reload]")) return;
    event.preventDefault();
    boxes().forEach((box) => box.checked || kept.delete(box.value));
    const list = { target: "#results", swap: "innerHTML" };
    isReload = true;
    htmx.ajax("GET", location.pathname + location.search, list).finally(() => {
      isReload = false;
    });
  });
})();
