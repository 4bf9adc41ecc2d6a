// The policy's editor: numbers beside the lines, and marks at those with faults.
(() => {
  "use strict";

  const text = document.getElementById("id_text");
  if (!text) return;
  const faulty = new Set((text.dataset.faulty || "").split(" ").filter(Boolean).map(Number));
  const numbers = document.createElement("div");
  numbers.className = "line-numbers";
  numbers.setAttribute("aria-hidden", "true");
  text.before(numbers);
  text.wrap = "off";
  text.parentElement.classList.add("is-numbered");

  const number = () => {
    const count = text.value.split("\n").length;
    if (numbers.childElementCount === count) return;
    numbers.replaceChildren(
      ...Array.from({ length: count }, (_, index) => {
        const line = document.createElement("div");
        line.textContent = String(index + 1);
        if (faulty.has(index + 1)) line.className = "line-faulty";
        return line;
      }),
    );
  };
  const follow = () => {
    numbers.scrollTop = text.scrollTop;
  };
  text.addEventListener("input", number);
  text.addEventListener("scroll", follow);
  number();

  const goTo = (line) => {
    const lines = text.value.split("\n");
    const wanted = Math.min(line, lines.length);
    const start = lines.slice(0, wanted - 1).reduce((sum, one) => sum + one.length + 1, 0);
    text.focus();
    text.setSelectionRange(start, start + lines[wanted - 1].length);
    text.scrollTop = (text.scrollHeight / lines.length) * Math.max(0, wanted - 5);
    follow();
  };
  document.addEventListener("click", (event) => {
    const fault = event.target.closest("[data-line]");
    if (!fault) return;
    event.preventDefault();
    goTo(Number(fault.dataset.line));
  });
})();

// A list of names as chips: Enter or a comma makes one of what was typed.
(() => {
  "use strict";
  const chip = (name, value) => {
    const label = document.createElement("label");
    label.className = "chip-box";
    const box = Object.assign(document.createElement("input"), {
      type: "checkbox",
      className: "form-check-input",
      name,
      value,
      checked: true,
    });
    label.append(box, " ", value);
    return label;
  };

  document.addEventListener("keydown", (event) => {
    const field = event.target.closest(".chips-more");
    if (!field || !["Enter", ","].includes(event.key)) return;
    event.preventDefault();
    const value = field.value.trim();
    if (!value) return;
    field.before(chip(field.parentElement.dataset.chips, value));
    field.value = "";
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
})();
