// What became of a delivery: the words, colours and explanations of the API's outcomes, in one place.
import { h } from "../dom.js";

/** By outcome: the word one reads, the colour of its mark, and one sentence that explains it. */
export const OUTCOMES = {
  received: ["received", "", "It is stored. Its memories join the queue within a moment."],
  waiting: ["waiting", "", "Its memories wait to be read from Mem0."],
  applied: ["applied", "good", "The tables show what Mem0 answered, and rows changed because of it."],
  unchanged: ["unchanged", "", "The tables were as they should be already, or no mapping says anything of it."],
  withdrawn: ["withdrawn", "good", "Mem0 does not have it any more, and the tables gave up what it had said."],
  incomplete: ["incomplete", "warn", "It is in the tables but for a row that does not exist yet; it is applied again when that row comes."],
  blocked: ["blocked", "warn", "Another session holds a lock that it needs. It is tried again every few seconds."],
  parked: ["parked", "bad", "A mapping refused it as things stand. It holds up nobody; put the cause right and retry."],
  left_out: ["left out", "", "Nothing of it is kept: its person was erased, or Mem0 never had such a memory."],
  nothing: ["no memory", "", "It names no memory, so there is nothing to read."],
};

export const outcome = (name) => {
  const [word, tone, why] = OUTCOMES[name] ?? [name, "", ""];
  return h("span", { class: `mark ${tone}`, title: why || undefined }, word);
};
