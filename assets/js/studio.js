/* The frame in the browser: which step is shown, the draft (step, run, checkpoint, recipe) and where it is kept, and what every page shares.
 *
 * Knows no page. Truth lives here: `studio.draft`. It is written to the URL (so that a link is the whole state), to localStorage
 * (so that the next visit continues) and to the hidden component #draft (so that Python's handlers get it). Python asks for
 * changes by a patch (#draft-patch); it never overwrites a draft that went on meanwhile.
 */
(() => {
  const STEPS = ["model", "data", "method", "train", "compare"];
  const VIEWS = { label: "data" }; // pages of their own that belong to a step
  const isPlace = (step) => STEPS.includes(step) || Object.hasOwn(VIEWS, step);
  const KEPT = "fine-tuning-studio.draft";
  const plain = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
  const copy = (value) => JSON.parse(JSON.stringify(value));
  const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

  const studio = (window.studio = { draft: { step: "model", run: null, checkpoint: null, recipe: {} }, isOpen: false });
  const listeners = new Set();
  let box = null; // the hidden component: {props, trigger}
  const fired = {}; // signal -> the key it was last fired for

  /* ---- signals: each fires only when what it is about changed, and pages that are hidden cost nothing ---- */
  const SIGNALS = {
    opened: () => "once",
    step_changed: (d) => d.step,
    run_changed: (d) => d.run || "",
    recipe_changed: (d) => JSON.stringify(d.recipe),
    model_shown: (d) => (d.step === "model" ? d.recipe.model || "" : undefined),
    task_shown: (d) => (d.step === "data" ? JSON.stringify([d.recipe.task_id, d.recipe.task_version]) : undefined),
    mixture_shown: (d) => (d.step === "data" ? JSON.stringify([d.recipe.task_id, d.recipe.mixture]) : undefined),
    lengths_wanted: (d) => (d.step === "data" ? JSON.stringify([d.recipe.task_id, d.recipe.task_version, d.recipe.model, d.recipe.method,
      d.recipe.training?.max_length]) : undefined),
    method_shown: (d) => (d.step === "method" ? JSON.stringify([d.recipe.model, d.recipe.method?.name, d.recipe.precision,
      d.recipe.objective?.name, d.recipe.training?.preset]) : undefined),
    methods_wanted: (d) => (d.step === "method" && document.getElementById("all-methods")?.open
      ? JSON.stringify([d.recipe.model, d.recipe.task_id, d.recipe.precision, d.recipe.training]) : undefined),
    train_shown: (d) => (d.step === "train" ? JSON.stringify([d.run, d.recipe]) : undefined),
    compare_shown: (d) => (d.step === "compare" ? d.run || "" : undefined),
  };
  /* What each signal will be answered in: dimmed while it waits, until it is drawn. */
  const WAITING = { recipe_changed: "numbers", model_shown: "model-facts", task_shown: "task-view", lengths_wanted: "task-lengths" };
  const later = {};
  const remembered = {}; // method -> its settings, for when it is chosen again
  function signal() {
    if (!box || !studio.isOpen) return;
    for (const [name, key] of Object.entries(SIGNALS)) {
      const now = key(studio.draft);
      if (now === undefined || now === fired[name]) continue;
      const first = fired[name] === undefined;
      fired[name] = now;
      clearTimeout(later[name]);
      if (WAITING[name]) document.getElementById(WAITING[name])?.setAttribute("data-state", "waiting");
      if (name === "recipe_changed" && !first) {
        later[name] = setTimeout(() => box.trigger(name), 20); // a slider that is dragged asks once, not sixty times a second
      } else box.trigger(name);
    }
  }

  studio.look = signal; // something of the page was unfolded: what it shows may be wanted now

  /* ---- the draft ---- */
  function merge(into, patch) {
    for (const [key, value] of Object.entries(patch)) {
      if (key === "__proto__" || key === "constructor") continue;
      if (value === undefined) delete into[key];
      else if (plain(value) && plain(into[key]) && !("name" in value && value.name !== into[key].name) && !("preset" in value))
        merge(into[key], value);
      else into[key] = plain(value) ? copy(value) : value;
    }
    return into;
  }
  studio.setDraft = (patch, { whole = false, push = false } = {}) => {
    const before = studio.draft;
    const next = copy(before);
    if (isPlace(patch.step)) next.step = patch.step;
    if ("run" in patch) next.run = typeof patch.run === "string" && patch.run ? patch.run : null;
    if ("checkpoint" in patch || next.run !== before.run) next.checkpoint = Number.isSafeInteger(patch.checkpoint) ? patch.checkpoint : null;
    if (plain(before.recipe.method)) remembered[before.recipe.method.name] = before.recipe.method;
    const named = !whole && patch.recipe?.method?.name;
    if (named && named !== before.recipe.method?.name && remembered[named]) next.recipe.method = copy(remembered[named]);
    if (plain(patch.recipe)) next.recipe = whole ? copy(patch.recipe) : merge(next.recipe, patch.recipe);
    for (const [key, value] of Object.entries(next.recipe)) if (value === null) delete next.recipe[key]; // nothing chosen
    if (same(before, next)) return before;
    studio.draft = next;
    if (box) box.props.value = copy(next);
    show(before.step !== next.step);
    keep(push || before.step !== next.step);
    sync(document);
    for (const listener of listeners) listener(next, before);
    signal();
    return next;
  };
  studio.onDraft = (listener) => { listeners.add(listener); return () => listeners.delete(listener); };
  /* A task was brought or changed: it is chosen, and drawn anew even if its name was chosen before. */
  studio.useTask = (task_id, patch = { recipe: { task_id, task_version: null } }) => {
    for (const name of ["task_shown", "mixture_shown", "lengths_wanted", "recipe_changed", "methods_wanted"]) if (name in fired) fired[name] = null;
    studio.setDraft(patch);
    signal();
  };
  studio.go = (step) => studio.setDraft({ step }, { push: true });
  studio.get = (path) => path.split(".").reduce((at, part) => (at == null ? undefined : at[part]), studio.draft.recipe);
  studio.set = (path, value) => {
    const parts = path.split(".");
    const recipe = copy(studio.draft.recipe);
    let at = recipe;
    for (const part of parts.slice(0, -1)) at = at[part] = plain(at[part]) ? at[part] : {};
    if (value === undefined) delete at[parts.at(-1)]; else at[parts.at(-1)] = value;
    studio.setDraft({ recipe }, { whole: true });
  };

  /* ---- where it is kept ---- */
  let writing = 0, pushing = false;
  studio.query = (draft) => {
    const query = new URLSearchParams(location.search);
    query.delete("task"); // of a short link: it is in the recipe now
    query.set("step", draft.step);
    if (draft.run) query.set("run", draft.run); else query.delete("run");
    if (draft.checkpoint === null) query.delete("checkpoint"); else query.set("checkpoint", draft.checkpoint);
    query.set("recipe", JSON.stringify(draft.recipe));
    return "?" + query;
  };
  function keep(push) {
    if (!studio.isOpen) return;
    pushing = pushing || push;
    clearTimeout(writing);
    writing = setTimeout(() => {
      const url = location.pathname + studio.query(studio.draft) + location.hash;
      if (pushing) history.pushState({ step: studio.draft.step }, "", url); else history.replaceState({ step: studio.draft.step }, "", url);
      pushing = false;
      try { localStorage.setItem(KEPT, JSON.stringify(studio.draft)); } catch { /* private window: the URL is enough */ }
    }, push ? 0 : 150);
  }
  studio.found = () => {
    let kept = null;
    try { kept = localStorage.getItem(KEPT); } catch { /* private window */ }
    return { search: location.search.slice(0, 20000), kept: kept && kept.slice(0, 20000) };
  };
  addEventListener("popstate", () => {
    const step = new URLSearchParams(location.search).get("step");
    if (isPlace(step) && step !== studio.draft.step) {
      const before = studio.draft;
      studio.draft = { ...before, step };
      if (box) box.props.value = copy(studio.draft);
      show(true); sync(document); keep(false); signal();
      for (const listener of listeners) listener(studio.draft, before);
    }
  });

  /* ---- the hidden components ---- */
  const ready = () => { document.body.dataset.ready = ""; };
  setTimeout(ready, 4000); // whatever happens, nobody looks at an empty page
  studio.attachDraft = (parts) => { box = parts; studio.restoreTheme(); requestAnimationFrame(ready); if (studio.isOpen) { box.props.value = copy(studio.draft); signal(); } };
  studio.attachPatch = ({ props, watch }) => watch("value", () => {
    const patch = props.value;
    if (!plain(patch)) return;
    if (patch.open) {
      studio.draft = { step: patch.open.step, run: patch.open.run, checkpoint: patch.open.checkpoint, recipe: copy(patch.open.recipe) };
      studio.isOpen = true;
      if (box) box.props.value = copy(studio.draft);
      show(false); keep(false); sync(document);
      for (const listener of listeners) listener(studio.draft, null);
      signal();
      if (innerWidth >= 1560) studio.openRuns(true);
    } else if (patch.recipe?.task_id && patch.whole !== true) studio.useTask(patch.recipe.task_id, patch);
    else studio.setDraft(patch, { whole: patch.whole === true });
  });

  /* ---- steps ---- */
  function show(moved) {
    const place = studio.draft.step, step = VIEWS[place] ?? place;
    document.body.dataset.step = place;
    for (const button of document.querySelectorAll("[data-go]"))
      if (button.closest(".stepper")) {
        const here = button.dataset.go === step;
        if (here) button.setAttribute("aria-current", "step"); else button.removeAttribute("aria-current");
        button.dataset.done = STEPS.indexOf(button.dataset.go) < STEPS.indexOf(step);
      }
    const name = place[0].toUpperCase() + place.slice(1);
    document.title = `${name} · Fine-Tuning Studio`;
    if (moved) {
      scrollTo({ top: 0 });
      studio.say(`Step ${STEPS.indexOf(step) + 1} of 5: ${name}`);
      document.querySelector(`#step-${place} h2`)?.focus({ preventScroll: true });
    }
  }
  const asked = new URLSearchParams(location.search).get("step");
  const early = isPlace(asked) ? asked : (() => {
    try { const kept = JSON.parse(localStorage.getItem(KEPT))?.step; return !location.search.includes("run=") && isPlace(kept) ? kept : "model"; } catch { return "model"; }
  })();
  studio.draft.step = early;
  document.body.dataset.step = early; // before the first paint: no step flashes by

  /* ---- controls that show and set the draft ---- */
  const holds = (have, want) => Array.isArray(want) ? want.some((one) => holds(have, one))
    : plain(want) ? plain(have) && Object.entries(want).every(([key, value]) => holds(have[key], value)) : have === want;
  const parsed = (text) => { try { return JSON.parse(text); } catch { return {}; } };
  function sync(root) {
    for (const item of root.querySelectorAll("[data-set]")) {
      const checked = holds(studio.draft, parsed(item.dataset.when || item.dataset.set))
        || (!!item.dataset.unset && studio.get(item.dataset.unset) === undefined);
      if (item.getAttribute("role") === "radio") item.setAttribute("aria-checked", checked);
      else if (item.hasAttribute("data-toggle")) item.setAttribute("aria-pressed", checked);
    }
    for (const group of root.querySelectorAll("[role=radiogroup]")) {
      const radios = [...group.querySelectorAll("[role=radio]")];
      const at = radios.find((radio) => radio.getAttribute("aria-checked") === "true") || radios[0];
      for (const radio of radios) radio.tabIndex = radio === at ? 0 : -1;
    }
    for (const input of root.querySelectorAll("[data-path]")) {
      const value = studio.get(input.dataset.path);
      if (input === document.activeElement && input.type !== "range") continue;
      const want = value === undefined ? input.getAttribute("value") ?? input.dataset.value : value;
      if (input.type === "checkbox") input.checked = want === true || want === "true";
      else if (want != null && input.value !== String(want)) input.value = want;
    }
  }
  function showErrors(root) {
    const holder = root.querySelector?.("[data-errors]");
    if (!holder) return;
    const errors = parsed(holder.dataset.errors);
    for (const slot of document.querySelectorAll("[data-error-for]")) {
      const text = errors[slot.dataset.errorFor] || "";
      if (slot.textContent !== text) slot.textContent = text;
      for (const input of document.querySelectorAll(`[data-path="${CSS.escape(slot.dataset.errorFor)}"]`))
        if (text) input.setAttribute("aria-invalid", "true"); else input.removeAttribute("aria-invalid");
    }
  }
  studio.reckon = () => box?.trigger("recipe_changed"); // the same recipe, weighed anew
  function askAgain(root) {
    const wait = root.querySelector?.("[data-again]")?.dataset.again;
    if (wait) setTimeout(studio.reckon, Number(wait));
  }
  /* What was unfolded stays unfolded when the server draws it again. */
  const unfolded = {};
  document.addEventListener("click", (event) => {
    const details = event.target.closest?.("summary")?.parentElement;
    if (details?.id) unfolded[details.id] = !details.open;
  });
  const unfold = (root) => { for (const details of root.querySelectorAll?.("details[id]") ?? []) if (unfolded[details.id]) details.open = true; };

  /* gradio names its upload button otherwise than it reads; without that name it is called what it says. */
  const tidy = () => { for (const button of document.querySelectorAll(".upload-container[aria-label], #task-file button[aria-label]")) if (button.innerText.trim()) button.removeAttribute("aria-label"); };
  studio.drawn = (root) => { tidy(); unfold(root); root.closest?.(".block")?.removeAttribute("data-state"); sync(root); showErrors(root); askAgain(root); root.dispatchEvent(new CustomEvent("studio:drawn", { bubbles: true })); };

  document.addEventListener("click", (event) => {
    const setter = event.target.closest?.("[data-set]");
    if (setter && !setter.disabled) studio.setDraft(parsed(setter.dataset.set));
    const goer = event.target.closest?.("[data-go]");
    if (goer && !goer.disabled) studio.go(goer.dataset.go);
    const opener = event.target.closest?.("button[data-runs]");
    if (opener) studio.openRuns(); // opens or closes
    if (event.target.closest?.("[data-theme-switch]")) studio.switchTheme();
    const closer = event.target.closest?.("[data-close]");
    if (closer) closer.closest(closer.dataset.close)?.remove();
  });
  document.addEventListener("keydown", (event) => {
    const radio = event.target.closest?.("[role=radio]");
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!radio || !by) return;
    event.preventDefault();
    const radios = [...radio.closest("[role=radiogroup]").querySelectorAll("[role=radio]:not([disabled])")];
    const next = radios[(radios.indexOf(radio) + by + radios.length) % radios.length];
    next.focus();
    next.click();
  });
  document.addEventListener("input", (event) => {
    const input = event.target.closest?.("[data-path]");
    if (!input) return;
    let value = input.type === "checkbox" ? input.checked : input.value;
    if (["integer", "number"].includes(input.dataset.kind) && value !== "" && Number.isFinite(Number(value))) value = Number(value);
    if (value === "" && input.hasAttribute("data-optional")) value = undefined; // blank: what the preset says
    studio.set(input.dataset.path, value);
  });

  /* ---- explanations: one bubble for all terms, by mouse, touch and keyboard ---- */
  let bubble = null, asking = null;
  function explain(button) {
    if (!bubble) {
      bubble = document.body.appendChild(Object.assign(document.createElement("div"), { id: "bubble", role: "tooltip" }));
      bubble.setAttribute("role", "tooltip");
    }
    asking?.removeAttribute("aria-describedby");
    asking = button;
    bubble.textContent = button.dataset.tip;
    bubble.hidden = false;
    button.setAttribute("aria-describedby", "bubble");
    const at = button.getBoundingClientRect(), width = bubble.offsetWidth, height = bubble.offsetHeight;
    const below = at.bottom + height + 12 < innerHeight || at.top < height + 12;
    bubble.style.left = `${Math.max(8, Math.min(at.left, document.documentElement.clientWidth - width - 8)) + scrollX}px`;
    bubble.style.top = `${(below ? at.bottom + 6 : at.top - height - 6) + scrollY}px`;
  }
  function hush() { if (bubble) bubble.hidden = true; asking?.removeAttribute("aria-describedby"); asking = null; }
  const termOf = (event) => event.target.closest?.(".term");
  document.addEventListener("mouseover", (event) => { const term = termOf(event); if (term) explain(term); });
  document.addEventListener("mouseout", (event) => { if (termOf(event) && document.activeElement !== asking) hush(); });
  document.addEventListener("focusin", (event) => { const term = termOf(event); if (term) explain(term); else if (asking) hush(); });
  document.addEventListener("focusout", (event) => { if (termOf(event)) hush(); });
  document.addEventListener("click", (event) => { const term = termOf(event); if (term) { event.preventDefault(); explain(term); } });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hush(); });

  /* ---- small things ---- */
  studio.say = (text) => {
    let voice = document.getElementById("voice");
    if (!voice) {
      voice = document.body.appendChild(Object.assign(document.createElement("div"), { id: "voice", className: "visually-hidden" }));
      voice.setAttribute("role", "status");
    }
    voice.textContent = text;
  };
  studio.openRuns = (open) => {
    const find = () => document.querySelector("#runs, .sidebar"), isOpen = () => !!find()?.classList.contains("open");
    const wanted = open ?? !isOpen();
    let tries = 40; // a page that is still being built opens it as soon as it is there
    (function turn() {
      if (isOpen() === wanted || !tries--) return;
      find()?.querySelector(".toggle-button, button[aria-label*='idebar']")?.click();
      setTimeout(turn, 250);
    })();
  };
  studio.switchTheme = () => {
    const dark = document.body.classList.toggle("dark");
    try { localStorage.setItem("fine-tuning-studio.theme", dark ? "dark" : "light"); } catch { /* private window */ }
  };
  studio.restoreTheme = () => {
    if (new URLSearchParams(location.search).has("__theme")) return;
    let kept = null;
    try { kept = localStorage.getItem("fine-tuning-studio.theme"); } catch { /* private window */ }
    if (kept) document.body.classList.toggle("dark", kept === "dark");
  };
  const group = new Intl.NumberFormat("en-US");
  studio.number = (n) => group.format(n);
  studio.size = (bytes) => {
    for (const [unit, size] of [["GB", 1e9], ["MB", 1e6], ["KB", 1e3]])
      if (bytes >= size * 0.95) { const n = bytes / size; return `${n < 10 ? n.toFixed(1) : group.format(Math.round(n))} ${unit}`; }
    return `${bytes} bytes`;
  };
  studio.duration = (seconds) => {
    if (seconds < 1) return "under a second";
    if (seconds < 90) return `${Math.round(seconds)} s`;
    if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
    return `${(seconds / 3600).toFixed(1)} h`;
  };
})();
