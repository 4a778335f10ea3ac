// Who is signed in. The token lives in this tab's sessionStorage and is sent as a header by api.js alone: there is no cookie, so no
// other site can act with it.
const KEY = "membridge.token";
const RANKS = { viewer: 1, operator: 2, admin: 3 };
const listeners = new Set();
let who = null;

export const session = {
  get token() {
    return sessionStorage.getItem(KEY);
  },
  get who() {
    return who;
  },
  /** Whether who is signed in may do what needs this role. The API decides; this only hides what it would refuse. */
  may(role) {
    return who !== null && RANKS[who.role] >= RANKS[role];
  },
  /** The projects at Mem0's Platform, which Mem0's own operations can reach. */
  get platformProjects() {
    return who.projects.filter((project) => !this.isSelfHosted(project));
  },
  isSelfHosted(project) {
    return who.self_hosted.includes(project);
  },
  keep(token) {
    sessionStorage.setItem(KEY, token);
  },
  signedIn(answer) {
    who = answer;
  },
  /** Ends it; `why` is shown at the sign-in. */
  end(why) {
    if (this.token === null && who === null) return;
    sessionStorage.removeItem(KEY);
    who = null;
    for (const listener of listeners) listener(why);
  },
  onEnd(listener) {
    listeners.add(listener);
  },
};
