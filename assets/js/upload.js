/* A file that is too big is refused before it travels, in words, beside the place where it was dropped. */
(() => {
  const MOST = 50 * 1000 * 1000;
  window.studioMostBytes = MOST;
  const said = () => document.getElementById("too-big");

  function refuse(event, files) {
    const area = event.target.closest?.("#task-file");
    if (!area || !files?.length) return;
    said()?.remove();
    const big = [...files].find((file) => file.size > MOST);
    if (!big) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (event.target.matches("input[type=file]")) event.target.value = "";
    const block = document.createElement("div");
    block.id = "too-big";
    block.className = "studio wrong";
    block.setAttribute("role", "alert");
    const heading = block.appendChild(document.createElement("h4"));
    heading.textContent = `${big.name.slice(0, 80)} was not imported`;
    const words = block.appendChild(document.createElement("p"));
    words.textContent = `It has ${window.studio.size(big.size)}; at most 50 MB are taken. Keep fewer instances (a few thousand are plenty), or split the file into several tasks.`;
    area.closest(".upload-row").after(block);
  }
  document.addEventListener("change", (event) => refuse(event, event.target.files), true);
  document.addEventListener("drop", (event) => refuse(event, event.dataTransfer?.files), true);
})();
