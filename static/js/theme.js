// Runs before the page is painted: the theme that was chosen, so that nothing flashes.

try {
  const theme = localStorage.getItem("theme");
  if (theme) document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be off limits; the system's theme it is.
}
