// Copying: `data-copy` is the text, `data-copy-from` the id of the element that has it.

import { announce } from "./announcer.js";
import { say } from "./words.js";

const SAID_FOR = 1600; // milliseconds

// Where a page came over plain http under another name than localhost there is no clipboard; what
// is selected can still be copied.
function copySelected(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.readOnly = true;
  area.className = "unseen";
  const focused = document.activeElement;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  focused?.focus();
  return copied;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelected(text);
  }
}

function tell(button, copied) {
  const text = say(copied ? "copied" : "copy-failed");
  announce(text);
  button.dataset.label ??= button.textContent;
  button.textContent = text;
  button.toggleAttribute("data-copied", copied);
  clearTimeout(button.copyTimer);
  button.copyTimer = setTimeout(() => {
    button.textContent = button.dataset.label;
    button.removeAttribute("data-copied");
  }, SAID_FOR);
}

export function begin() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button.copy");
    if (button === null) return;
    const { copy: text, copyFrom } = button.dataset;
    tell(button, await copy(text ?? document.getElementById(copyFrom).textContent));
  });
}
