// What the portal could not do is said on the page one is on, where everything ticked and filled in stays.
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const isPage = (text) => /^\s*<!doctype/i.test(text);

  function tell(title, text = "") {
    const notice = Object.assign(document.createElement("div"), { className: "notice notice-error mb-3" });
    notice.dataset.trouble = "";
    notice.setAttribute("role", "alert");
    const said = Object.assign(document.createElement("strong"), { className: "d-block", textContent: title });
    notice.append(said, text);
    byId("messages").replaceChildren(notice);
  }

  // What a page for something that went wrong says; without one, that the portal cannot be reached.
  function of(html) {
    const apology = isPage(html) && new DOMParser().parseFromString(html, "text/html").querySelector(".apology");
    if (!apology) return unreachable();
    const [title, ...rest] = [...apology.querySelectorAll("h1, p")].map((part) => part.textContent.trim());
    tell(title, rest.join(" "));
  }

  const unreachable = () => tell(document.body.dataset.unreachable || "");

  document.addEventListener("htmx:responseError", ({ detail }) => of(detail.xhr.responseText));
  document.addEventListener("htmx:sendError", unreachable);
  document.addEventListener("htmx:timeout", unreachable);
  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    if (detail.successful) document.querySelector("#messages [data-trouble]")?.remove();
  });

  // A whole page in place of a part of one: another is to be seen first.
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (!isPage(detail.serverResponse)) return;
    detail.shouldSwap = false;
    if (detail.xhr.status < 400) location.reload();
  });

  window.trouble = { isPage, of, tell, unreachable };
})();
