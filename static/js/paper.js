// The sheets print themselves once they were asked for; on the page that enters them, Enter goes from field to field.
if (document.body.hasAttribute("data-print")) window.print();

const sheet = document.getElementById("sheet");
sheet?.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing || event.target.tagName === "BUTTON") return;
  event.preventDefault();
  if (event.ctrlKey || event.metaKey) return sheet.requestSubmit();
  const fields = [...sheet.querySelectorAll("input:not([type=hidden]), select, button")];
  fields[fields.indexOf(event.target) + (event.shiftKey ? -1 : 1)]?.focus();
});
sheet?.querySelector("[data-bad] input:not([type=hidden]), input[inputmode]")?.focus();
