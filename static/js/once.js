// A form of the admin is sent once, however often its button is pressed.

for (const form of document.querySelectorAll("#act-form")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
}

// A page that comes back from the browser's memory may be sent again.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("#act-form")) delete form.dataset.sent;
});
