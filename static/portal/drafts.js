// What somebody fills in is kept with their browser until it is sent, per person and page, and offered again.
(() => {
  "use strict";

  const { person } = document.body.dataset;
  const ALL = "draft:";
  const PREFIX = `${ALL}${person}:`;
  const HERE = PREFIX + location.pathname;
  const DAY = 24 * 3600 * 1000;
  const LARGEST = 200000;
  const SIGN_OUT = /^\/accounts\/logout\/$/;
  const SECRET = /passw|csrf|secret|credential|key$|code|token/i;

  const store = {
    get: (key) => { try { return JSON.parse(localStorage.getItem(key)); } catch { return null; } },
    set: (key, value) => { try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* full, or not allowed */ } },
    drop: (key) => { try { localStorage.removeItem(key); } catch { /* not allowed */ } },
  };
  const keys = (prefix) => { try { return Object.keys(localStorage).filter((key) => key.startsWith(prefix)); } catch { return []; } };

  // What is old, whoever filled it in, or was sent and has led to a page, is done with.
  for (const key of keys(ALL)) {
    const draft = store.get(key);
    const isSent = key.startsWith(PREFIX) && draft?.sent && !document.querySelector("[data-not-sent-yet]");
    if (!draft || isSent || !(Date.now() - draft.at < DAY)) store.drop(key);
  }

  if (!person) return;

  const forms = () => [...document.querySelectorAll("main form")].filter((form) => form.method === "post" && !("keptAnyway" in form.dataset));
  const fields = (form) => [...form.elements].filter((field) => field.name && !SECRET.test(field.name)
    && !["hidden", "password", "file", "submit", "button"].includes(field.type));
  const isTick = (field) => field.type === "checkbox" || field.type === "radio";
  const nameOf = (form) => new URL(form.action, location.href).pathname;
  const changed = (field) => (isTick(field) ? field.checked !== field.defaultChecked
    : field.matches("select") ? [...field.options].some((option) => option.selected !== option.defaultSelected)
      : field.value !== field.defaultValue);

  // What a field showed before anybody changed it, as its form carries it where others may change it meanwhile.
  const shownIn = (form, name) => form.elements[`initial-${name}`];

  // What differs from the page as it came, form by form.
  const gather = () => forms().flatMap((form) => fields(form).filter(changed).map((field) => ({
    form: nameOf(form), name: field.name, id: field.id, value: field.value, tick: isTick(field), checked: field.checked,
    shown: shownIn(form, field.name)?.value,
  })));

  const save = () => {
    const kept = gather();
    if (kept.length && JSON.stringify(kept).length < LARGEST) store.set(HERE, { at: Date.now(), kept });
    else store.drop(HERE);
  };

  const restore = (kept) => {
    for (const each of kept) {
      for (const form of forms().filter((one) => nameOf(one) === each.form)) {
        // Forms of one page may share their address and their names, as those of the e-mails do.
        const field = fields(form).find((one) => one.name === each.name && (!each.id || one.id === each.id)
          && (!each.tick || one.value === each.value));
        if (!field) continue;
        const shown = shownIn(form, each.name);
        if (shown && each.shown !== undefined) shown.value = each.shown;
        if (each.tick) field.checked = each.checked;
        else field.value = each.value;
        field.closest("details")?.setAttribute("open", "");
        field.dispatchEvent(new Event(each.tick ? "change" : "input", { bubbles: true }));
        if (each.tick) field.dispatchEvent(new Event("input", { bubbles: true }));
      }
    }
  };

  const offer = document.getElementById("draft-offer");
  const draft = store.get(HERE);
  if (offer && draft && !draft.sent) {
    offer.hidden = false;
    offer.querySelector("[data-restore]").addEventListener("click", () => {
      restore(draft.kept);
      offer.hidden = true;
    });
    offer.querySelector("[data-discard]").addEventListener("click", () => {
      store.drop(HERE);
      offer.hidden = true;
    });
  }

  let timer = 0;
  const saveSoon = () => {
    clearTimeout(timer);
    timer = setTimeout(() => { timer = 0; save(); }, 300);
  };
  const soon = (event) => {
    if (event.target.closest?.("main form")) saveSoon();
  };
  window.addEventListener("pagehide", () => {
    if (timer) save();
  });
  document.addEventListener("input", soon);
  document.addEventListener("change", soon);

  document.addEventListener("submit", (event) => {
    if (event.target.method !== "post" || event.defaultPrevented) return;
    clearTimeout(timer);
    timer = 0;
    // Whoever signs out leaves nothing behind in a browser that others may use.
    if (SIGN_OUT.test(nameOf(event.target))) {
      keys(PREFIX).forEach(store.drop);
      return;
    }
    save();
    const sent = store.get(HERE);
    if (sent) store.set(HERE, { ...sent, sent: true });
  });
  // A form that htmx or the review page has sent leaves the page as it is. Where another is on its way already, as
  // the policy's is while an answer on it still comes, what it took along stays sent.
  document.addEventListener("htmx:afterRequest", (event) => {
    const isPost = event.detail.successful && event.detail.requestConfig?.verb === "post";
    if (isPost && !store.get(HERE)?.sent) saveSoon();
  });
  document.addEventListener("portal:sent", saveSoon);
})();
