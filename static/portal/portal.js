// Small comforts for pages that work without them.
(() => {
  "use strict";

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) window.print();
  });

  // The bar's menu on a small screen. It covers the page, so it closes when the Tab key goes on there.
  const opener = document.querySelector("[data-opens]");
  const isBarOpen = () => opener?.getAttribute("aria-expanded") === "true";
  const openBar = (isOpen) => {
    document.getElementById(opener.dataset.opens).classList.toggle("show", isOpen);
    opener.setAttribute("aria-expanded", String(isOpen));
  };
  opener?.addEventListener("click", () => openBar(!isBarOpen()));
  document.addEventListener("keyup", (event) => {
    if (event.key !== "Tab" || !isBarOpen() || event.target.closest(".portal-bar")) return;
    openBar(false);
    event.target.scrollIntoView({ block: "nearest" });
  });

  // Menus close when one goes on elsewhere, or presses Escape.
  const MENUS = ["account-menu", "page-help", "look", "view-save"].map((name) => `details.${name}[open]`).join(", ");
  const closeMenus = (except) => {
    document.querySelectorAll(MENUS).forEach((menu) => {
      if (menu !== except?.closest("details")) menu.open = false;
    });
  };
  document.addEventListener("click", (event) => closeMenus(event.target));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = document.activeElement?.closest(MENUS);
    closeMenus(null);
    if (menu) menu.querySelector("summary").focus();
    else if (isBarOpen() && document.getElementById("found")?.hidden !== false) {
      openBar(false);
      opener.focus();
    }
  });

  // A form that acts is sent once, however often its button is pressed; another button of it is another act.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || event.defaultPrevented) return;
    const act = `by ${event.submitter?.name}=${event.submitter?.value}`;
    if (form.dataset.sent === act) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = act;
    // An export answers with a file and leaves the page as it is.
    setTimeout(() => delete form.dataset.sent, 3000);
  });

  // What refreshes by itself waits while somebody is in it with the keyboard, or has opened a form in it.
  document.addEventListener("htmx:beforeRequest", (event) => {
    const element = event.detail.elt;
    const isInUse = element.contains(document.activeElement) || element.querySelector("details.turn[open]");
    if (element.matches("[data-polite]") && isInUse) event.preventDefault();
  });

  // Of a part that is drawn anew, a screen reader is told one sentence and not all of it.
  document.addEventListener("htmx:afterSwap", (event) => {
    const { says } = event.target.dataset;
    const said = says && event.target.querySelector(says);
    if (said) document.getElementById("live").textContent = said.innerText.replace(/\s+/g, " ").trim();
  });

  // A slider moves the number beside it, which is what the form sends.
  document.querySelectorAll("[data-moves]").forEach((slider) => {
    const number = document.getElementById(slider.dataset.moves);
    slider.hidden = false;
    slider.addEventListener("input", () => {
      number.value = slider.value;
      number.dispatchEvent(new Event("input", { bubbles: true }));
    });
    number.addEventListener("input", () => {
      slider.value = number.value;
    });
  });

  // Pages are told in the person's own time.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  document.cookie = `portal_time_zone=${zone}; path=/; max-age=31536000; samesite=lax`;

  // Paper is white, and what is folded for want of room cannot be opened on it.
  const root = document.documentElement;
  let theme = "";
  let folded = [];
  window.addEventListener("beforeprint", () => {
    theme = root.dataset.bsTheme;
    root.dataset.bsTheme = "light";
    folded = [...document.querySelectorAll("details[data-opens-on-paper]:not([open])")];
    folded.forEach((each) => { each.open = true; });
  });
  window.addEventListener("afterprint", () => {
    root.dataset.bsTheme = theme;
    folded.forEach((each) => { each.open = false; });
    folded = [];
  });

  // What was done before the page was loaded, or has ended; a screen reader announces only what is added later.
  const finished = document.querySelector("[data-finished]");
  const news = document.getElementById("messages")?.innerText.trim() || finished?.querySelector(finished.dataset.finished)?.innerText || "";
  const told = news.replace(/\s+/g, " ").trim();
  if (told) setTimeout(() => { document.getElementById("live").textContent = told; }, 250);

  // What is wrong takes the focus: the field itself where it is one, else the message.
  const wrong = document.querySelector("main [aria-invalid=true]:not([type=hidden])")
    || document.querySelector("main [role=alert]:is(.danger, .notice-error, .notice-warning):not([hidden], .session-end), main p.danger, main .alert-danger[role=alert]");
  if (wrong) {
    if (!wrong.matches("input, select, textarea, button")) wrong.tabIndex = -1;
    wrong.closest("details")?.setAttribute("open", "");
    wrong.focus({ preventScroll: false });
  }

  // Where an act loads its page anew, one stays where one was, and what it did is in sight.
  const PLACE = "portal-place";
  const REMEMBERED = 30_000;
  let isByKey = false;
  document.addEventListener("keydown", () => { isByKey = true; }, true);
  document.addEventListener("pointerdown", () => { isByKey = false; }, true);
  const fieldsOf = (action) => [...document.forms].filter((form) => form.action === action).flatMap((form) => [...form.elements]);
  const remember = (used) => {
    const place = { path: location.pathname, scroll: window.scrollY, when: Date.now(), ...used };
    sessionStorage.setItem(PLACE, JSON.stringify(place));
  };
  document.addEventListener("submit", ({ target: form, submitter, defaultPrevented }) => {
    if (form.method !== "post" || defaultPrevented || document.querySelector(".review")) return;
    if (!isByKey) return remember({});
    const used = form.contains(document.activeElement) ? document.activeElement : submitter;
    const part = form.closest("main [id][tabindex]")?.id;
    remember({ action: form.action, at: fieldsOf(form.action).indexOf(used), part });
  });
  document.addEventListener("htmx:beforeOnLoad", ({ detail: { xhr, elt } }) => {
    if (xhr.getResponseHeader("HX-Refresh")) remember(elt.contains(document.activeElement) ? { part: elt.id } : {});
  });
  const place = JSON.parse(sessionStorage.getItem(PLACE) || "{}");
  sessionStorage.removeItem(PLACE);
  if (place.path === location.pathname && Date.now() - place.when < REMEMBERED && !wrong && !location.hash) {
    const part = place.part && document.getElementById(place.part);
    // Where a row has gone, the next has its place.
    const used = fieldsOf(place.action).slice(0, place.at + 1).reverse().find((field) => field.offsetParent);
    const next = used || part?.querySelector("button") || part;
    next?.focus({ preventScroll: true });
    window.scrollTo({ top: place.scroll, behavior: "instant" });
    next?.scrollIntoView({ block: "nearest", behavior: "instant" });
    document.getElementById("messages")?.classList.add("is-in-sight");
  }

  // Back to a page from the browser's memory: its forms may be sent again.
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent);
  });
})();
