// Actions on everything a filter means: the API counts first, a person sees the number, and it is done unless more are meant by then.
import { api } from "../api.js";
import { h } from "../dom.js";
import { done, failed } from "../notify.js";
import { ask } from "./dialog.js";

/**
 * `words(count)` are {title, body, confirm, tone, done, none}; `count(answer)` reads the number. Resolves to whether it was done.
 */
export async function countedAction(path, filter, { count, words, more = {} }) {
  let meant;
  try {
    meant = count(await api.post(path, { filter, ...more, dry_run: true }));
  } catch (error) {
    failed(error);
    return false;
  }
  const say = words(meant);
  if (meant === 0) {
    done(say.none);
    return false;
  }
  const answer = await ask({ title: say.title, body: h("p", {}, say.body), confirm: say.confirm, tone: say.tone,
    act: () => api.post(path, { filter, ...more, expected_count: meant }) });
  if (answer === undefined) return false;
  done(words(count(answer)).done);
  return true;
}
