// Light or dark: as chosen in the account menu, else as the system prefers; runs before the page is drawn.
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => localStorage.getItem("portal-theme") || "";
  const apply = () => {
    const theme = chosen() || (dark.matches ? "dark" : "light");
    document.documentElement.setAttribute("data-bs-theme", theme);
  };
  dark.addEventListener("change", apply);
  apply();
  document.addEventListener("DOMContentLoaded", () => {
    const field = document.getElementById("theme");
    if (!field) return;
    field.closest("[data-theme-choice]").hidden = false;
    field.value = chosen();
    field.addEventListener("change", () => {
      localStorage.setItem("portal-theme", field.value);
      apply();
    });
  });
})();
