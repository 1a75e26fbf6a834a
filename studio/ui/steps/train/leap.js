// @ts-check
// Whether a loss leapt far above where it began, as it does where the learning rate is too high.

import { sayFigure, sayNumber } from "../../frame/words.js";

const TIMES = 2;
const LEAST = 1; // batches differ by less, also where a model that is trained further begins near 0

/**
 * What is said of a curve that leapt, "" of any other.
 * @param {number[]} steps
 * @param {(number | null)[]} losses
 */
export function tellLeap(steps, losses) {
  const began = losses[0] ?? Infinity;
  let at = 0;
  losses.forEach((loss, place) => {
    if ((loss ?? 0) > (losses[at] ?? 0)) at = place;
  });
  const highest = losses[at] ?? 0;
  if (highest < TIMES * began || highest < began + LEAST) return "";
  return (
    `The loss leapt to ${sayFigure(highest)} at step ${sayNumber(steps[at])}, far above the ${sayFigure(began)} ` +
    "where it began: the learning rate is probably too high. Try a tenth of it."
  );
}
