"use strict";
// Filters: a row stays if it matches every choice.
const form = document.getElementById("filters");
if (form) {
  const rows = [...document.querySelectorAll("tr[data-backend]")];
  const count = form.querySelector("output");
  const apply = () => {
    const chosen = [...form.elements].filter((each) => each.name && each.value);
    for (const row of rows)
      row.hidden = !chosen.every((each) => row.getAttribute("data-" + each.name).split("\n").includes(each.value));
    for (const body of document.querySelectorAll("tbody.group"))
      body.hidden = ![...body.querySelectorAll("tr[data-backend]")].some((row) => !row.hidden);
    const shown = rows.filter((row) => !row.hidden).length;
    count.textContent = shown + " of " + rows.length + " programs";
  };
  form.addEventListener("change", apply);
  form.addEventListener("reset", () => setTimeout(apply));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  // A page that a browser goes back to keeps its choices.
  apply();
}
// Copying: the text of the element that a button names.
for (const button of document.querySelectorAll("button[data-copies]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.getAttribute("data-copies"));
    let done = true;
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      getSelection().selectAllChildren(source);
      done = document.execCommand("copy");
    }
    const name = button.textContent;
    button.textContent = done ? "Copied" : "Press Ctrl+C";
    setTimeout(() => (button.textContent = name), 1500);
  });
}
