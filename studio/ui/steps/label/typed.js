// @ts-check
// What is typed at the bench, kept in this browser until the studio has it on its disk. Each window keeps its own, so
// that none overwrites another's.

const TYPED = "fine-tuning-studio.typed";

/** This browser's store; a private window has none. */
export const store = {
  /** @param {string} name */
  read(name) {
    try {
      return localStorage.getItem(name);
    } catch {
      return null;
    }
  },
  /** False where it could not be kept. @param {string} name @param {string | null} value */
  write(name, value) {
    try {
      if (value === null) localStorage.removeItem(name);
      else localStorage.setItem(name, value);
      return true;
    } catch {
      return false;
    }
  },
};
/** This window's own mark. */
function findHere() {
  try {
    return (sessionStorage.window ??= Math.random().toString(36).slice(2));
  } catch {
    return "one";
  }
}
const here = findHere();
/** What a sample and the copy of it that was written to have in common. @param {string | null} task */
export const family = (task) => String(task).replace(/_yours(_[0-9a-f]{8})?$/, "");

/** What was typed into the fields of the task that is open. @param {() => string | null} findTask */
export function makeTyped(findTask) {
  /** @param {string} field */
  const typedName = (field) => `${TYPED}.${family(findTask())}.${field}`;
  /** Each window's own, under its mark. @param {string} field @returns {Record<string, {value: any, at: number}>} */
  function typedBy(field) {
    try {
      const kept = JSON.parse(store.read(typedName(field)) ?? "null");
      return kept && typeof kept === "object" ? kept : {};
    } catch {
      return {};
    }
  }
  return {
    /** @param {string} field @param {any} value */
    keep(field, value) {
      const kept = typedBy(field);
      if (value === "" || value === null) delete kept[here];
      else kept[here] = { value, at: Date.now() };
      return store.write(typedName(field), Object.keys(kept).length ? JSON.stringify(kept) : null);
    },
    /** @param {string} field @returns {any} */
    find(field) {
      // what this window had, else what another left behind
      const kept = typedBy(field);
      return (kept[here] ?? Object.values(kept).sort((a, b) => b.at - a.at)[0])?.value ?? null;
    },
    /** @param {string} field @param {unknown} value */
    done(field, value) {
      // the studio has it: away with it, wherever the same was typed
      const kept = typedBy(field);
      for (const [window, one] of Object.entries(kept))
        if (window === here || one.value === value) delete kept[window];
      store.write(typedName(field), Object.keys(kept).length ? JSON.stringify(kept) : null);
    },
  };
}
