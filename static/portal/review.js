// The review page: choosing rows, the keyboard, and what the server's answers mean. The page works without it.
(() => {
  "use strict";
  const SWITCH = "portal-keys-off";
  const byId = (id) => document.getElementById(id);
  const boxes = () => [...document.querySelectorAll("#bulk input[type=checkbox][name=account]:not(:disabled)")];
  const rows = () => [...document.querySelectorAll("#bulk tbody tr")];
  let lastBox = null;

  // Choosing

  const chosenEveryone = () => Number(document.querySelector(".action-bar")?.dataset.everyone || 0);
  const elsewhere = () => document.querySelectorAll("#bulk [data-elsewhere]").length;

  function chosen() {
    return chosenEveryone() || boxes().filter((box) => box.checked).length + elsewhere();
  }

  function refresh() {
    const bar = document.querySelector(".action-bar");
    if (!bar) return;
    const all = boxes();
    const count = chosen();
    const page = byId("pick-page");
    if (page) {
      const here = chosenEveryone() || count - elsewhere();
      page.checked = all.length > 0 && here === all.length;
      page.indeterminate = here > 0 && here < all.length;
      page.disabled = all.length === 0;
    }
    bar.classList.toggle("is-idle", count === 0);
    bar.querySelectorAll("button[name=decision]").forEach((button) => {
      button.disabled = count === 0;
    });
    const shown = bar.querySelector("[data-count]");
    const number = (many) => many.toLocaleString(document.documentElement.lang);
    const text = elsewhere() ? `${number(count - elsewhere())} + ${number(elsewhere())}` : number(count);
    if (shown.textContent.trim() !== text) shown.textContent = text;
    rows().forEach((row) => {
      row.classList.toggle("is-chosen", Boolean(row.querySelector("input[name=account]")?.checked));
    });
  }

  function announce() {
    byId("live").textContent = document.querySelector(".action-count")?.textContent.replace(/\s+/g, " ").trim() || "";
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-keys]")) byId("keys").showModal();
    const box = event.target.closest?.("#bulk input[name=account]");
    if (!box) return;
    const all = boxes();
    if (event.shiftKey && lastBox && all.includes(lastBox)) {
      const [from, to] = [all.indexOf(lastBox), all.indexOf(box)].sort((a, b) => a - b);
      all.slice(from, to + 1).forEach((each) => {
        each.checked = box.checked;
      });
    }
    lastBox = box;
  });

  // The search filters as one types; its change on leaving the field would swap the rows under the first tick.
  document.getElementById("id_q")?.addEventListener("change", (event) => event.stopPropagation());

  document.addEventListener("change", (event) => {
    if (event.target.id === "pick-page") {
      boxes().forEach((box) => {
        box.checked = event.target.checked;
      });
    }
    if (event.target.matches("#pick-page, #bulk input[name=account]")) {
      refresh();
      announce();
    }
    if (event.target.id === "keys-on") {
      if (event.target.checked) localStorage.removeItem(SWITCH);
      else localStorage.setItem(SWITCH, "1");
    }
  });

  // What is needed for a decision is asked for before it is sent; the server asks again.
  document.addEventListener(
    "submit",
    (event) => {
      if (event.target.id !== "bulk") return;
      const decision = event.submitter?.value;
      const wanted = { exempt: ["bulk-reason", "bulk-until"], withdraw: ["bulk-reason"] }[decision] || [];
      ["bulk-reason", "bulk-until"].forEach((id) => {
        byId(id).required = wanted.includes(id);
        byId(id).disabled = false;
      });
      if (decision === "exempt" || decision === "withdraw") {
        const missing = wanted.map(byId).find((field) => !field.reportValidity());
        if (missing) {
          event.preventDefault();
          event.stopImmediatePropagation();
        }
      }
    },
    true,
  );

  // What was ticked and written stays through pages, orders and filters, until it is decided on.

  const kept = new Set();
  let written = {};

  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id !== "results") return;
    const isDecided = event.detail.requestConfig.verb === "post" && event.detail.xhr.status < 400;
    boxes().forEach((box) => (box.checked ? kept.add(box.value) : kept.delete(box.value)));
    if (isDecided) kept.clear();
    written = isDecided ? {} : { reason: byId("bulk-reason")?.value, until: byId("bulk-until")?.value };
  });

  function keep() {
    const form = byId("bulk");
    const here = boxes();
    here.forEach((box) => {
      box.checked = box.checked || kept.has(box.value);
    });
    form?.querySelectorAll("[data-elsewhere]").forEach((field) => field.remove());
    const elsewhere = [...kept].filter((key) => !here.some((box) => box.value === key));
    if (form && !chosenEveryone()) {
      elsewhere.forEach((key) => {
        const field = Object.assign(document.createElement("input"), { type: "hidden", name: "account", value: key });
        field.dataset.elsewhere = "";
        form.append(field);
      });
    }
    if (byId("bulk-reason") && written.reason) byId("bulk-reason").value = written.reason;
    if (byId("bulk-until") && written.until) byId("bulk-until").value = written.until;
  }

  // htmx

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
    if (/^\s*<!doctype/i.test(serverResponse)) {
      // Signed out meanwhile, or an error page: show it as a page of its own.
      event.detail.shouldSwap = false;
      location.reload();
    } else if (xhr.status === 409 || xhr.status === 422) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    }
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target?.id === "results") keep();
    refresh();
    // After a decision the next one starts at the first row.
    const isDecision = event.detail.requestConfig?.verb === "post";
    if (isDecision && !document.body.classList.contains("has-card")) rows()[0]?.focus({ preventScroll: true });
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
    // Who is no longer in the list was decided on by somebody else.
    boxes().forEach((box) => box.checked || kept.delete(box.value));
    htmx.ajax("GET", location.pathname + location.search, { target: "#results", swap: "innerHTML" }).then(() => {
      keep();
      kept.clear();
      boxes().forEach((box) => box.checked && kept.add(box.value));
      keep();
      refresh();
    });
  });

  // The keyboard

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

  document.addEventListener("DOMContentLoaded", () => {
    byId("keys-on").checked = !isOff();
    refresh();
  });
})();
