// The review page: a small form beside the row, for decisions that take a reason.
(() => {
  "use strict";
  const { byId, decide, fieldsFor, isHere } = window.reviewPage;
  let asked = null;

  function ask(decision, chosen) {
    const popover = byId("popover");
    const decided = chosen.filter((row) => isHere(row) && !row.querySelector("input[name=account]:disabled"));
    if (!popover || !decided.length) return;
    asked = { decision, decided };
    popover.dataset.mode = decision;
    const many = decided.length > 1 ? "Many" : "One";
    byId("popover-title").textContent = popover.dataset[decision + many]
      .replace("{count}", decided.length.toLocaleString(document.documentElement.lang))
      .replace("{name}", decided[0].querySelector(".account-link").textContent);
    byId("popover-until").disabled = decision !== "exempt";
    byId("popover-reason").value = "";
    popover.showModal();
    const room = window.innerHeight - popover.offsetHeight - 16;
    popover.style.marginTop = `${Math.max(16, Math.min(decided[0].getBoundingClientRect().bottom + 4, room))}px`;
    byId("popover-reason").focus();
  }

  // So many months ahead, the last day of a shorter month, and never later than the policy allows.
  function monthsAhead(count) {
    const field = byId("popover-until");
    const now = new Date();
    const day = new Date(Date.UTC(now.getFullYear(), now.getMonth() + count, 1));
    const last = new Date(Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + 1, 0)).getUTCDate();
    day.setUTCDate(Math.min(now.getDate(), last));
    const wanted = day.toISOString().slice(0, 10);
    return wanted > field.max ? field.max : wanted;
  }

  document.addEventListener("click", (event) => {
    const { reason, months } = event.target.dataset;
    if (!event.target.closest("#popover")) return;
    if (event.target.closest("[data-popover-close]")) byId("popover").close();
    if (reason) byId("popover-reason").value = reason;
    if (months) byId("popover-until").value = monthsAhead(Number(months));
  });

  document.addEventListener("submit", (event) => {
    if (!event.target.closest("#popover")) return;
    event.preventDefault();
    const { decision, decided } = asked;
    const values = { decision, reason: byId("popover-reason").value };
    if (decision === "exempt") values.until = byId("popover-until").value;
    byId("popover").close();
    decide(fieldsFor(decided, values), decided);
  });

  window.reviewPage.ask = ask;
})();
