// A link to something that is folded together opens it.

function openTarget() {
  const id = decodeURIComponent(location.hash.slice(1));
  const folded = id && document.getElementById(id)?.closest("details");
  if (folded) {
    folded.open = true;
    folded.scrollIntoView();
  }
}

addEventListener("hashchange", openTarget);
openTarget();
