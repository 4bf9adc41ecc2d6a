// Printing shows every case: those of the other pages are fetched before, and the page is as it was after.
(() => {
  "use strict";

  const place = document.querySelector("[data-every-case]");
  let shown = null;

  const everyCase = () => {
    // Whoever prints waits for it: the browser takes the page as it is when this has ended.
    const request = new XMLHttpRequest();
    request.open("GET", place.dataset.everyCase + location.search, false);
    request.send();
    const page = new DOMParser().parseFromString(request.responseText, "text/html");
    return request.status === 200 ? page.getElementById("cases") : null;
  };

  addEventListener("beforeprint", () => {
    if (!place || shown || !place.querySelector(".pagination")) return;
    const all = everyCase();
    if (!all) return;
    shown = [...place.childNodes];
    place.replaceChildren(...document.adoptNode(all).childNodes);
  });

  addEventListener("afterprint", () => {
    if (shown) place.replaceChildren(...shown);
    shown = null;
  });
})();
