// The review page: choosing rows, and what of that stays through pages and filters. The page works without it.
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const boxes = () => [...document.querySelectorAll("#bulk input[type=checkbox][name=account]:not(:disabled)")];
  const rows = () => [...document.querySelectorAll("#bulk tbody tr")];
  let lastBox = null;

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
    // Where others are chosen than are shown, there may be a decision to withdraw.
    const isDecided = chosenEveryone() || elsewhere() || all.some((box) => box.checked && "decided" in box.dataset);
    bar.querySelector("button[value=withdraw]").hidden = !isDecided;
    bar.classList.toggle("is-idle", count === 0);
    bar.querySelectorAll("button[name=decision]").forEach((button) => {
      button.disabled = count === 0;
    });
    const shown = bar.querySelector("[data-count]");
    const number = (many) => many.toLocaleString(document.documentElement.lang);
    const text = elsewhere() ? `${number(count - elsewhere())} + ${number(elsewhere())}` : number(count);
    if (shown.textContent.trim() !== text) shown.textContent = text;
    const underWay = bar.querySelector("[data-leaving-count]");
    if (underWay) {
      const leaving = boxes().filter((box) => box.checked && "underWay" in box.dataset).length;
      underWay.textContent = leaving ? number(leaving) : "";
      underWay.closest("[data-leaving]").hidden = leaving === 0;
    }
    document.documentElement.style.setProperty("--action-bar-height", count ? `${bar.offsetHeight}px` : "0px");
    rows().forEach((row) => {
      row.classList.toggle("is-chosen", Boolean(row.querySelector("input[name=account]")?.checked));
    });
  }

  function announce() {
    byId("live").textContent = document.querySelector(".action-count")?.textContent.replace(/\s+/g, " ").trim() || "";
  }

  document.addEventListener("click", (event) => {
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
  });

  // What is needed for a decision is asked for before it is sent; the server asks again.
  document.addEventListener(
    "submit",
    (event) => {
      if (event.target.id !== "bulk") return;
      const { name, value } = event.submitter || {};
      const needs = { exempt: ["bulk-reason", "bulk-until"], withdraw: ["bulk-reason"] };
      const wanted = name === "exempt_until" ? ["bulk-reason"] : needs[value] || [];
      ["bulk-reason", "bulk-until"].forEach((id) => {
        byId(id).required = wanted.includes(id);
        byId(id).disabled = false;
      });
      if (wanted.length) {
        const missing = wanted.map(byId).find((field) => !field.checkValidity());
        if (missing) {
          // The bar sticks: what is missing is in sight, and the list stays where it is.
          missing.focus({ preventScroll: true });
          missing.reportValidity();
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
    boxes().forEach((box) => (box.checked ? kept.add(box.value) : kept.delete(box.value)));
    written = { reason: byId("bulk-reason")?.value, until: byId("bulk-until")?.value };
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

  // Who is no longer in the list was decided on by somebody else.
  function forgetAbsent() {
    keep();
    kept.clear();
    boxes().forEach((box) => box.checked && kept.add(box.value));
    keep();
    refresh();
  }

  // What was decided on together is neither ticked nor written any more.
  function forget() {
    kept.clear();
    written = {};
    document.querySelectorAll("#bulk [data-elsewhere]").forEach((field) => field.remove());
    ["bulk-reason", "bulk-until"].map(byId).filter(Boolean).forEach((field) => (field.value = field.defaultValue));
  }

  document.addEventListener("DOMContentLoaded", refresh);

  window.reviewPage = { byId, boxes, rows, kept, keep, refresh, forget, forgetAbsent };
})();
