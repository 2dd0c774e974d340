// The operations page while something is under way: its changing part is fetched anew.

const EVERY = 1000; // milliseconds
const RESTING = 5000;
const now = document.getElementById("now");

// What has not changed stays, and with it the focus.
function take(section) {
  const old = document.getElementById(section.id);
  if (old && old.textContent !== section.textContent) {
    old.replaceWith(document.adoptNode(section));
  }
}

async function refresh() {
  if (document.visibilityState === "visible") {
    try {
      const response = await fetch(now.dataset.from, { redirect: "error" });
      // Escaped by the server; a parsed document runs no scripts.
      if (response.ok) {
        const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
        for (const section of fresh.body.children) take(section);
      }
    } catch {
      // The node is not there, or the session is over: what is shown stays, and a reload says why.
    }
  }
  setTimeout(refresh, now.querySelector("[data-busy]") ? EVERY : RESTING);
}

setTimeout(refresh, EVERY);
