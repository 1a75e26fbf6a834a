// What the server tells of runs, and what the browser keeps of the one that is looked at, as types.

/** studio/objectives/measure.py */
export interface Measure {
  name: string;
  title: string;
  better: "lower" | "higher";
  unit: string;
  chart: string;
  digits: number;
  says: string;
}

/** A value a step: null where there was none. */
export type Column = (number | null)[];

/** Columns of one length: the steps, and one for each measure under its name (and `rate`, of the training part). */
export interface Series {
  step: number[];
  [name: string]: Column;
}

/** What the model answered to one validation prompt on its way. */
export interface Sample {
  step: number;
  input: string;
  wanted: string;
  base: string;
  tuned: string;
  right: boolean;
  base_right: boolean;
  worth?: { base: number | null; tuned: number | null };
}

export interface Phase {
  text: string;
  part: number;
  parts: number;
}

/** FACTS and LIVE of studio/ui/steps/train/live_chart.py; nothing of it is there before the first answer. */
export interface Status {
  status?: string;
  kind?: string;
  unit?: string;
  about?: string | null;
  result?: string | null;
  phase?: string | null;
  of?: number;
  validation?: Record<string, number>;
  position?: number | null;
  wait_seconds?: number | null;
  error?: string | null;
  remedy?: string | null;
  again_words?: string;
  note?: string | null;
  checkpoints?: number[];
  sentence?: string;
  /** whether curves were recorded to lie behind its own */
  recorded?: boolean;
  can_resume?: boolean;
  can_stop?: boolean;
  can_ask?: boolean;
  /** not so of a reward model, which judges */
  can_answer?: boolean;
  measures?: Measure[];
  /** what the run found out about itself, a sentence each */
  own?: string[];
  step?: number;
  examples_per_second?: number | null;
  seconds_left?: number | null;
  elapsed_seconds?: number | null;
  /** the newest value of each measure */
  told?: Record<string, number | null>;
}

/** What `pull` answers: what is new since a byte offset. Columns in the order of `measures`. */
export interface News {
  offset: number;
  seen?: string;
  facts?: Status;
  live?: (number | null)[];
  train?: Column[];
  validation?: Column[];
  samples?: Sample[];
  phase?: Phase;
  drop_after?: number;
  more?: boolean;
  error?: string;
  gone?: boolean;
}

export type Pull = (asked: { run: string; offset: number; seen: string }) => Promise<News | undefined>;

export interface RunState {
  run: string | null;
  offset: number;
  seen: string;
  status: Status | null;
  error: string | null;
  reconnecting: boolean;
  phase: Phase | null;
  samples: Sample[];
  train: Series;
  validation: Series;
}

export type Change = "reset" | "drop" | "append" | "status";

export type Listener = (state: RunState, change: Change, added?: News) => void;

/** A row of the list: studio/ui/runs/run_shelf.py */
export interface Row {
  run: string;
  name: string;
  status: string;
  kind: string;
  unit: string;
  about: string | null;
  result: string | null;
  sentence: string;
  step: number;
  of: number;
  measure: Measure;
  value: number | null;
  validation: number | null;
  position: number | null;
  wait_seconds: number | null;
  path: string;
}
