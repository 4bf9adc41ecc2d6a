// Five minutes before the session ends it says so; one click keeps it. Without scripts it ends as before.
(() => {
  "use strict";

  const banner = document.getElementById("session-end");
  if (!banner) return;
  const WARN = 300;
  const [ending, stay, ended] = ["ending", "stay", "ended"].map((part) => banner.querySelector(`[data-${part}]`));
  let timer = 0;

  const show = (left) => {
    banner.hidden = false;
    ending.hidden = left <= 0;
    ended.hidden = left > 0;
  };

  const arm = ({ left, can_stay: canStay }) => {
    clearTimeout(timer);
    stay.hidden = !canStay;
    if (left <= 0) {
      show(left);
    } else if (left <= WARN) {
      show(left);
      timer = setTimeout(look, left * 1000 + 500);
    } else {
      banner.hidden = true;
      // A browser counts no further than this in one go.
      timer = setTimeout(look, Math.min((left - WARN) * 1000, 2 ** 31 - 1));
    }
  };

  // Another tab may have kept the session alive meanwhile, so the portal is asked before anything is said.
  const ask = async (options) => {
    const answer = await fetch(banner.dataset.url, { headers: { Accept: "application/json" }, ...options });
    arm(answer.ok && !answer.redirected ? await answer.json() : { left: 0, can_stay: false });
  };
  const look = () => ask({}).catch(() => { timer = setTimeout(look, 30000); });

  stay.addEventListener("click", () => {
    const token = JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
    ask({ method: "POST", headers: { Accept: "application/json", "X-CSRFToken": token } }).catch(() => {});
  });

  arm({ left: Number(banner.dataset.left), can_stay: true });
})();
