// The table of all methods: sorted by a click on a heading, asked for when it is unfolded. Knows no numbers of its own.
(() => {
  const studio = window.studio;

  function sort(button) {
    const head = button.closest("th"), table = head.closest("table"), body = table.tBodies[0], key = button.dataset.sort;
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of table.querySelectorAll("th[aria-sort]")) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const off = (row) => row.classList.contains("off");
    const rows = [...body.rows].sort((one, other) => off(one) - off(other)
      || (down ? -1 : 1) * (Number(one.dataset[key]) - Number(other.dataset[key])));
    body.append(...rows);
    studio.say(`Sorted by ${button.textContent}, ${down ? "largest" : "smallest"} first`);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.(".methods [data-sort]");
    if (button) sort(button);
  });
  document.addEventListener("toggle", (event) => { if (event.target.id === "all-methods") studio.look(); }, true);
})();
