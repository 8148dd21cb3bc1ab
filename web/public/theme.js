// Sets the theme that the visitor chose before anything is painted.
try {
  const chosen = JSON.parse(localStorage.getItem("fairline:preferences") ?? "{}").theme;
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Without storage the theme is the system's.
}
