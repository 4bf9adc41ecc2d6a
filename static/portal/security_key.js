// A security key that gave no answer: people are told on the page, not in the browser's console.
document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  document.querySelector("[data-key-refused]").hidden = false;
});
