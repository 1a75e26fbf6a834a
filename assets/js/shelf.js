// The collections and their tasks: a page at a time, searched on the server. js_on_load of Shelf.
const {h, put, sure} = window.studioElements;
const studio = window.studio;
const shelf = element.querySelector(".shelf");
const PAGE = 10;
let open = null, page = 0, asked = 0, timer = 0, looked = false;

const chooser = h("div", {class: "segments", role: "group", "aria-label": "Collection"});
const search = h("input", {type: "search", maxlength: 200, autocomplete: "off", oninput: () => { clearTimeout(timer); timer = setTimeout(() => turn(0), 250); }});
const about = h("span", {class: "hint", role: "status"}), problem = h("p", {class: "error-line", role: "alert"});
const before = h("button", {type: "button", class: "btn small", onclick: () => turn(page - 1)}, "Previous 10");
const after = h("button", {type: "button", class: "btn small", onclick: () => turn(page + 1)}, "Next 10");
const remove = h("button", {type: "button", class: "btn small quiet", "data-delete": "", onclick: askToDelete}, "Delete this collection"), deleting = h("div");
const list = h("ul", {class: "shelf-list"}), refused = h("details", {class: "more", hidden: true}, h("summary"), h("ul", {class: "plainlist"}));
const summary = h("summary", {}, "Collections");
shelf.append(summary, h("div", {class: "stack"}, h("p", {class: "hint"}, "Archives and folders of many tasks. Take one out to look at it, mend it and train on it."), h("div", {class: "row between"}, chooser, remove),
  deleting, h("div", {class: "row between"}, h("label", {class: "search"}, "Search in their names", search), h("span", {class: "row"}, about, before, after)), problem, list, refused));

async function find(wanted = null) {
  looked = true;
  const found = await server.list_collections({});
  if (!found || found.error) return;
  const ids = found.collections.map((one) => one.collection_id);
  shelf.hidden = !ids.length;
  if (!ids.length) return;
  if (wanted) shelf.open = true;
  put(summary, `Collections (${ids.length})`);
  deleting.replaceChildren();
  remove.hidden = false;
  open = wanted ?? (ids.includes(open) ? open : ids[0]);
  chooser.replaceChildren(...found.collections.map((one) => h("button", {type: "button", "aria-pressed": String(one.collection_id === open), onclick: () => find(one.collection_id)},
    `${one.collection_id} · ${studio.number(one.tasks)} tasks`)));
  search.value = "";
  await turn(0);
}

// Ask the studio about the open collection; if it was deleted meanwhile, show those that are left and say so.
async function ask(act, given) {
  let answer = null;
  try { answer = await server[act]({collection: open, ...given}); } catch { /* said below */ }
  if (answer?.gone) await find();
  put(problem, answer ? answer.error ?? "" : "The studio did not answer. Try again.");
  return answer?.error ? null : answer;
}

function askToDelete() {
  const one = open, keep = () => { deleting.replaceChildren(); remove.hidden = false; remove.focus(); };
  remove.hidden = true;
  deleting.replaceChildren(sure(`Delete the collection ${one}? The tasks you took out of it stay, and so do the runs that learnt them.`, "Delete this collection?", () => server.delete_collection({collection: one}), async () => {
    document.querySelector(`[data-collection="${CSS.escape(one)}"]`)?.remove();
    studio.say(`Deleted the collection ${one}`);
    await find();
    (shelf.hidden ? document.querySelector("#task-file button") : summary)?.focus();
  }, keep));
}

async function turn(to) {
  const mine = ++asked;
  const found = await ask("list_tasks", {page: to, search: search.value});
  if (!found || mine !== asked) return;
  page = found.page;
  before.disabled = page <= 0;
  after.disabled = page >= found.pages - 1;
  put(about, found.total ? `${studio.number(page * PAGE + 1)} to ${studio.number(page * PAGE + found.tasks.length)} of ${studio.number(found.total)}` : "No task has these words in its name");
  list.replaceChildren(...found.tasks.map(row));
  refused.hidden = !found.refused_total;
  put(refused.querySelector("summary"), found.refused_total === 1 ? "1 file could not be read" : `${studio.number(found.refused_total)} files could not be read`);
  refused.querySelector("ul").replaceChildren(...found.refused.map((one) => h("li", {}, h("bdi", {}, one.name), ": ", h("bdi", {}, one.words))));
  shelf.dataset.state = "done";
}

function row(task) {
  const place = h("div", {class: "peek", hidden: true});
  const look = h("button", {type: "button", class: "btn small quiet", "aria-expanded": "false", onclick: () => peek(task, place, look)}, "Look inside");
  const take = h("button", {type: "button", class: "btn small", "data-take": task.task_id, onclick: () => takeOut(task, take)}, "Take it out");
  const odd = task.warnings ? h("span", {class: "hint"}, ` · ${task.warnings} ${task.warnings === 1 ? "remark" : "remarks"}`) : null;
  return h("li", {}, h("div", {class: "row between"}, h("span", {class: "shelf-name"}, h("bdi", {}, task.task_id), h("span", {class: "hint"}, `${studio.number(task.count)} instances`, odd)), h("span", {class: "row"}, look, take)), place);
}

async function peek(task, place, button) {
  place.hidden = !place.hidden;
  button.setAttribute("aria-expanded", String(!place.hidden));
  if (place.hidden || place.childElementCount) return;
  const found = await ask("peek_task", {task_id: task.task_id});
  if (!found) return put(place, problem.textContent);
  place.replaceChildren(...found.rows.map((one) => h("div", {class: "sample"}, h("span", {dir: "auto"}, one.input || "(blank)"), h("span", {class: "becomes", dir: "auto"}, one.output))),
    ...found.warnings.map((words) => h("p", {class: "hint"}, h("bdi", {}, words))));
}

async function takeOut(task, button) {
  button.disabled = true;
  put(button, "Taking it out …");
  const done = await ask("take_task", {task_id: task.task_id});
  button.disabled = false;
  put(button, "Take it out");
  if (!done) return;
  put(button, "Taken and chosen");
  studio.say(`${task.task_id} is chosen`);
  studio.useTask(done.task_id);
}

document.addEventListener("studio:collections", (event) => find(event.detail.open));
const look = () => { if (!looked && studio.draft.step === "data" && studio.isOpen) find(); };
studio.onDraft(look);
look();
