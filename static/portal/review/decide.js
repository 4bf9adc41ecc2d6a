// The review page: a decision is sent by itself, and only what it changes on the page changes. Rows stay in place.
(() => {
  "use strict";
  const { byId, boxes, rows, kept, refresh, forget } = window.reviewPage;
  const FOLD = 140;
  const TOAST = 20_000;
  let queue = Promise.resolve();

  const isHere = (row) => !row.matches(".is-deciding, .is-leaving");
  const rowOf = (element) => element?.closest?.("#bulk tbody tr") || null;
  const ticked = () => boxes().filter((box) => box.checked).map(rowOf);

  // Whoever comes after those that are decided on: down the list, else up.
  function successor(decided) {
    const active = rowOf(document.activeElement);
    if (active && !decided.includes(active) && isHere(active)) return active;
    const all = rows();
    const start = all.indexOf(active && decided.includes(active) ? active : decided[0]);
    const isLeft = (row) => isHere(row) && !decided.includes(row);
    return all.slice(start + 1).find(isLeft) || all.slice(0, Math.max(start, 0)).reverse().find(isLeft) || null;
  }

  function focusOn(row) {
    (row || byId("results")).focus({ preventScroll: true });
    const box = row?.getBoundingClientRect();
    if (box && (box.top < 0 || box.bottom > window.innerHeight)) row.scrollIntoView({ block: "nearest", behavior: "instant" });
  }

  // Decide as the fields say on some rows. They dim at once, and go when the server has stored it.
  function decide(fields, decided, { keepsFocus = false } = {}) {
    const wasTicked = new Set(decided.filter((row) => row.querySelector("input[name=account]")?.checked));
    const next = successor(decided);
    decided.forEach((row) => {
      row.classList.remove("is-refused");
      row.querySelector(".refused-note")?.remove();
      row.classList.add("is-deciding");
      row.setAttribute("aria-busy", "true");
    });
    if (!keepsFocus) focusOn(next);
    queue = queue.then(async () => {
      let answer;
      let text;
      try {
        answer = await fetch(byId("results").dataset.decide, {
          method: "POST",
          body: new URLSearchParams(fields),
          headers: { "HX-Request": "true" },
        });
        text = await answer.text();
      } catch {
        window.trouble.unreachable();
        return putBack(decided, "");
      }
      const elsewhere = answer.headers.get("HX-Redirect");
      if (elsewhere) return location.assign(elsewhere);
      if (!answer.ok && (answer.status >= 500 || window.trouble.isPage(text))) {
        window.trouble.of(text);
        return putBack(decided, "");
      }
      if (window.trouble.isPage(text)) return location.reload();
      const fresh = new DOMParser().parseFromString(text, "text/html");
      if (!answer.ok) {
        const why = fresh.querySelector("#messages .named li")?.textContent.trim() || "";
        replace(fresh, ["messages", "live"]);
        return putBack(decided, why);
      }
      wasTicked.forEach((row) => {
        const box = row.querySelector("input[name=account]");
        box.checked = false;
        kept.delete(box.value);
      });
      merge(fresh, text, fields);
      document.dispatchEvent(new Event("portal:sent"));
    });
    return queue;
  }

  function putBack(decided, why) {
    decided.forEach((row) => {
      row.classList.remove("is-deciding");
      row.removeAttribute("aria-busy");
      row.classList.add("is-refused");
      if (!why || decided.length > 1) return;
      // The row says whom it is about, and has no room to say it twice.
      const name = `${row.querySelector(".account-link")?.textContent.trim()}: `;
      const textContent = why.startsWith(name) ? why.slice(name.length) : why;
      const note = Object.assign(document.createElement("span"), { className: "refused-note", textContent });
      row.querySelector(".cell-account")?.append(note);
    });
    if (why && !byId("messages").textContent.trim()) byId("live").textContent = why;
    refresh();
  }

  function replace(fresh, ids) {
    ids.forEach((id) => {
      const [old, now] = [byId(id), fresh.getElementById(id)];
      if (!old || !now) return;
      if (id === "live") old.textContent = now.textContent;
      else {
        now.removeAttribute("hx-swap-oob");
        old.replaceWith(document.adoptNode(now));
        htmx.process(byId(id));
      }
    });
    clearTimeout(replace.timer);
    const toast = document.querySelector("#messages .notice:has(.outcome)");
    if (toast) replace.timer = setTimeout(() => toast.matches(":hover, :focus-within") || toast.remove(), TOAST);
  }

  // Take over the list as the server has it now, row by row, without moving those that stay.
  function merge(fresh, text, fields) {
    const there = new Map([...fresh.querySelectorAll("#bulk tbody tr")].map((row) => [row.id, row]));
    const stay = rows().filter((row) => there.has(row.id));
    replace(fresh, ["messages", "live", "draft"]);
    if (fields.has("bulk")) forget();
    if (!stay.length || fields.get("scope") === "all") return whole(text);
    const focused = document.activeElement?.id;
    rows().filter((row) => !there.has(row.id)).forEach(fold);
    let before = null;
    let first = null;
    there.forEach((row, id) => {
      const old = byId(id);
      if (old && !old.classList.contains("is-leaving")) {
        update(old, row);
        before = old;
        return;
      }
      old?.remove();
      const added = document.adoptNode(row);
      if (before) before.after(added);
      else document.querySelector("#bulk tbody").prepend(added);
      first ||= added;
      before = added;
    });
    [".verdicts", "#bulk .scope", "#bulk .table-container > nav"].forEach((part) => {
      const [old, now] = [document.querySelector(part), fresh.querySelector(part)];
      if (old && now) {
        old.replaceWith(document.adoptNode(now));
        htmx.process(document.querySelector(part));
      } else old?.remove();
    });
    const seen = fresh.querySelector("#bulk input[name=seen]");
    if (seen) document.querySelector("#bulk input[name=seen]").value = seen.value;
    refresh();
    const at = document.activeElement;
    if (first && fields.get("scope") === "undo" && (at === document.body || at === byId("results") || rowOf(at))) focusOn(first);
    if (document.activeElement === document.body) focusOn(byId(focused));
    if (document.activeElement === document.body) focusOn(rows().find(isHere));
  }

  function update(old, now) {
    const box = old.querySelector("input[name=account]");
    const isTicked = box?.checked;
    const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
    old.classList.remove("is-refused");
    if (old.classList.contains("is-deciding") && !box?.disabled) old.dataset.settled = "";
    if (old.innerHTML === now.innerHTML) return settle(old);
    old.innerHTML = now.innerHTML;
    const again = old.querySelector("input[name=account]");
    if (again && isTicked) again.checked = true;
    if (focused && focused !== old.id) byId(focused)?.focus({ preventScroll: true });
    settle(old);
  }

  function settle(row) {
    if (!("settled" in row.dataset)) return;
    delete row.dataset.settled;
    row.classList.remove("is-deciding");
    row.removeAttribute("aria-busy");
  }

  function fold(row) {
    row.classList.add("is-leaving");
    row.querySelectorAll("input").forEach((box) => (box.disabled = true));
    setTimeout(() => row.remove(), FOLD);
  }

  function whole(text) {
    htmx.swap(byId("results"), text, { swapStyle: "innerHTML", swapDelay: 0, settleDelay: 0 });
    window.reviewPage.keep();
    refresh();
    focusOn(rows()[0] || byId("empty"));
  }

  // Everything a decision on some rows is sent with, but for the decision.
  function fieldsFor(decided, values) {
    const fields = new FormData();
    ["csrfmiddlewaretoken", "next", "seen"].forEach((name) => {
      fields.set(name, document.querySelector(`#bulk input[name=${name}]`).value);
    });
    Object.entries(values).forEach(([name, value]) => fields.set(name, value));
    decided.forEach((row) => fields.append("account", row.id.replace("row-", "")));
    return fields;
  }

  // Approve or snooze from the keyboard: those that are selected, else the row.
  function atOnce(decision, chosen) {
    const decided = chosen.filter((row) => row && isHere(row) && !row.querySelector("input[name=account]:disabled"));
    if (!decided.length || !byId("bulk-reason")) return;
    const isBulk = decided.some((row) => row.querySelector("input[name=account]").checked);
    const fields = fieldsFor(decided, { decision, reason: isBulk ? byId("bulk-reason").value : "" });
    if (isBulk) {
      document.querySelectorAll("#bulk [data-elsewhere]").forEach((field) => fields.append("account", field.value));
      fields.set("bulk", "1");
    }
    decide(fields, decided);
  }

  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      if (!form.matches("#bulk, #messages form")) return;
      event.preventDefault();
      if (form.matches("[data-busy]")) return;
      form.dataset.busy = "";
      const fields = new FormData(form, event.submitter);
      const isAll = fields.get("scope") === "all";
      if (form.id === "bulk") fields.set("bulk", "1");
      const decided = form.id === "bulk" ? (isAll ? rows() : ticked()) : [];
      decide(fields, decided, { keepsFocus: form.id !== "bulk" }).then(() => delete form.dataset.busy);
    },
    true,
  );

  Object.assign(window.reviewPage, { decide, atOnce, fieldsFor, ticked, rowOf, isHere, settled: () => queue });
})();
