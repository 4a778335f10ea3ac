// Where one is stands in the address after '#', so that every view, filter and page of a list can be linked and gone back to.

/** `#/deliveries/d-1?verdict=add` is {parts: ["deliveries", "d-1"], query: {verdict: "add"}}. */
export function place() {
  const [path, query = ""] = location.hash.replace(/^#/, "").split("?");
  const parts = path.split("/").filter(Boolean).map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part; // a broken escape is looked for as it stands
    }
  });
  return { parts, query: Object.fromEntries(new URLSearchParams(query)) };
}

/** The address of a place; empty values are left out of the query. */
export function to(parts, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "" && value !== false);
  const search = new URLSearchParams(given).toString();
  return `#/${[].concat(parts).map(encodeURIComponent).join("/")}${search ? `?${search}` : ""}`;
}

/** A row's primary key as the command line and `why` take it: 17, or a=1,b=2. */
export const keyOf = (identity) => {
  const pairs = Object.entries(identity);
  return pairs.length === 1 ? String(pairs[0][1]) : pairs.map(([name, value]) => `${name}=${value}`).join(",");
};

export const go = (parts, query) => {
  location.hash = to(parts, query);
};

/** Changes the address without a new view: for filters while one types. */
export const amend = (parts, query) => history.replaceState(null, "", to(parts, query));

/** Calls `act` whenever the address changes. A change of '#main' by the skip link is none. */
export function onPlace(act) {
  addEventListener("hashchange", () => {
    if (location.hash.startsWith("#/") || location.hash === "") act();
  });
}

