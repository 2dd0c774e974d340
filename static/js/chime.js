// A short sound, made here. Off until the visitor turns it on (the box in the list of keys): that
// click is also what browsers ask for before a page may sound.

const STORE = "sound";
const box = document.getElementById("sound");
let context = null;

function isWanted() {
  try {
    return localStorage.getItem(STORE) === "on";
  } catch {
    return box?.checked ?? false;
  }
}

export function chime() {
  if (!isWanted() || !("AudioContext" in globalThis)) return;
  context ??= new AudioContext();
  const begin = context.currentTime;
  [660, 880].forEach((frequency, at) => {
    const tone = new OscillatorNode(context, { frequency, type: "sine" });
    const volume = new GainNode(context, { gain: 0 });
    const start = begin + at * 0.12;
    volume.gain.setValueAtTime(0.0001, start);
    volume.gain.exponentialRampToValueAtTime(0.12, start + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, start + 0.25);
    tone.connect(volume).connect(context.destination);
    tone.start(start);
    tone.stop(start + 0.3);
  });
}

export function begin() {
  if (!box) return;
  box.checked = isWanted();
  box.closest("[hidden]")?.removeAttribute("hidden");
  box.addEventListener("change", () => {
    try {
      if (box.checked) localStorage.setItem(STORE, "on");
      else localStorage.removeItem(STORE);
    } catch {
      // It lasts as long as the page.
    }
    chime();
  });
}
