// @ts-check
// A whole run as one file: downloaded from its row, and a file of another studio imported.

import { announce, h, put } from "../../frame/elements.js";
import { MOST_BYTES } from "../../frame/upload.js";
import { saySize } from "../../frame/words.js";

const SILENT = "The studio did not answer. Try again.";

/**
 * @param {string} run
 * @param {HTMLButtonElement} button
 * @param {Record<string, (asked: any) => Promise<any>>} server
 */
export async function exportRun(run, button, server) {
  button.disabled = true;
  const told = await server.export_run({ run }).catch(() => null);
  button.disabled = false;
  if (!told?.path) return told?.error ?? SILENT;
  announce(`${told.name} is downloaded`);
  const { href } = new URL(`gradio_api/file=${told.path}`, document.baseURI);
  h("a", { href, download: told.name }).click();
  return "";
}

/**
 * A button that imports a run, and what came of it beside.
 * @param {Record<string, (asked: any) => Promise<any>>} server
 * @param {(file: File) => Promise<{path: string}>} upload
 * @param {() => void} done
 */
export function makeImport(server, upload, done) {
  const said = h("span", { class: "hint", role: "status" });
  const file = h("input", { type: "file", accept: ".zip", hidden: true, id: "run-file", onchange: take });
  const button = h(
    "button",
    { type: "button", class: "btn small", "data-act": "import", onclick: () => file.click() },
    "Import a run",
  );

  const asking = h("span", {});

  async function take() {
    const [chosen] = file.files ?? [];
    file.value = "";
    if (!chosen) return;
    if (chosen.size > MOST_BYTES)
      return put(
        said,
        `${chosen.name} has ${saySize(chosen.size)}; at most 50 MB are taken here. On the studio's computer: ` +
          "python -m studio import FILE",
      );
    button.disabled = true;
    asking.replaceChildren();
    put(said, `Reading ${chosen.name} …`);
    const told = await read(chosen).catch(() => null);
    button.disabled = false;
    if (!told?.run) return put(said, told?.error ?? SILENT);
    put(said, [`${chosen.name} is imported.`, ...told.warnings].join(" "));
    if (told.missing_base) asking.replaceChildren(drawBase(told.run, told.missing_base));
    done();
  }

  /** Where the model of an imported run lies here. @param {string} run @param {string} folder where it was */
  function drawBase(run, folder) {
    const where = h("input", { id: "run-base", "aria-label": "Folder of its base model", spellcheck: "false" });
    where.placeholder = `/models/${folder.split("/").at(-1)}`;
    const give = h("button", { type: "submit", class: "btn small" }, "Use this folder");
    const problem = h("span", { class: "error-line", role: "alert" });
    return h("form", { class: "row", onsubmit: use }, h("div", { class: "field" }, where), give, problem);

    /** @param {Event} event */
    async function use(event) {
      event.preventDefault();
      give.disabled = true;
      const told = await server.give_base({ run, base: where.value }).catch(() => null);
      give.disabled = false;
      if (!told?.done) return put(problem, told?.error ?? SILENT);
      asking.replaceChildren();
      put(said, `Its base model is found in ${where.value.trim()}.`);
      done();
    }
  }

  /** @param {File} chosen */
  async function read(chosen) {
    const { path } = await upload(chosen);
    return server.import_run({ file: { path, orig_name: chosen.name } });
  }

  return h("span", { class: "run-import" }, button, file, said, asking);
}
