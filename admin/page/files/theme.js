// A classic script in the head, so that a chosen theme is there before the first paint.
(() => {
  const chosen = (() => {
    try {
      return localStorage.getItem("membridge.theme");
    } catch {
      return null; // storage may be forbidden; the system's theme is used then
    }
  })();
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
