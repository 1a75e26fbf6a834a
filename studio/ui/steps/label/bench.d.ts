// What the server tells of a task to the bench where it is labelled and written, as types.

/** A label as it is kept: the answer (null where it was skipped), and when it was given, in seconds. */
export type Label = [string | null, number];

/** An instance. */
export interface Item {
  id: string;
  number?: number;
  input: string;
  outputs: string[];
  turns?: [string, string][];
  waiting?: boolean;
}

/** An instance in the table: with who labelled it how. */
export interface Row extends Item {
  differ: boolean;
  labels: Record<string, string | null>;
}

export interface Example {
  input: string;
  output: string;
  explanation: string;
  suggestion: string;
  extra: object;
}

/** What the parts of a task hold that can be written: a text, or a list of examples. */
export type Written = string | Example[];

/** studio/tasks/edit.py; what a person wrote is under the name that MINE of saving.js says. */
export interface Edit {
  op: "set_text" | "set_input" | "set_output" | "set_examples";
  id?: string;
  field?: string;
  before?: unknown;
  [mine: string]: any;
}

/** An edit that was made of what is no longer there: its number among those sent, and what is there now. */
export interface Clash {
  number: number;
  current: unknown;
}

/** What an act that made a version answers. */
export interface Made {
  task: string;
  version: string;
  number?: number;
  words?: string;
}

export interface Version {
  version: string;
  number: number;
  at: number;
  by: string;
  words: string;
}

/** A part of a task or an instance that differs between two versions. */
export interface Part {
  name: string;
  before: string;
  after: string;
}

/** A suggestion for an instance. */
export interface Suggestion {
  text: string;
  words: string;
  waiting?: boolean;
}

/** What looking at everybody's labels tells. */
export interface Together {
  people: { name: string; done: number; of: number }[];
  overlap: number;
  alpha: number | null;
  words: string;
  twice: number;
  kappas: { people: [string, string]; kappa: number; words: string }[];
  open: number;
  conflicts: { id: string; input: string; labels: Record<string, string> }[];
}

/** What pasting or uploading inputs answers: what was added, or which columns there are to choose from. */
export interface Added extends Made {
  waiting: number;
  whole: number;
}

export interface Columns {
  columns: string[];
  rows: number;
  words: string;
  is_text: boolean;
  longest: string;
}

/** Which columns hold what, as a person chose. */
export interface Chosen {
  column?: string;
  answers?: string;
}
