"use strict";
(() => {
  const list = document.getElementById("change-list");
  if (list) {
    const fields = ["search", "direction", "axis"].map((name) => document.getElementById(name));
    const [search, direction, axis] = fields;
    const shown = document.getElementById("shown");
    const none = document.getElementById("none-shown");
    const rows = Array.from(list.children, (row) => ({ row, text: row.textContent.toLowerCase(), ...row.dataset }));

    const filter = () => {
      const terms = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      for (const entry of rows) {
        const fits =
          (!direction.value || entry.direction === direction.value) &&
          (!axis.value || entry.axis === axis.value) &&
          terms.every((term) => entry.text.includes(term));
        entry.row.hidden = !fits;
        count += fits;
      }
      shown.textContent = `${count} of ${rows.length} pairs`;
      none.hidden = count > 0;
    };

    for (const field of fields) field.addEventListener("input", filter);
    search.closest(".filters").hidden = false;
    filter();
  }

  for (const place of document.querySelectorAll(".copy")) {
    const value = place.firstElementChild.textContent;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "copy";
    button.setAttribute("aria-label", `copy ${value}`);
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(value);
        button.textContent = "copied";
      } catch {
        getSelection().selectAllChildren(place.firstElementChild);
        button.textContent = "selected";
      }
    });
    place.append(button);
  }

  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("section > details")) details.open = true;
  });
})();
