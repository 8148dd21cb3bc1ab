/** Shows /openapi.json with Swagger UI. */

const place = document.getElementById("reference");

if (globalThis.SwaggerUIBundle) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", follow);
  follow();
  SwaggerUIBundle({
    url: "/openapi.json",
    domNode: place,
    deepLinking: true,
    // The schemas stand with the requests that use them.
    defaultModelsExpandDepth: 0,
    // Nothing is sent to another host.
    validatorUrl: null,
  });
} else {
  place.className = "without";
  place.textContent =
    "Swagger UI is not installed on this server: run make setup there. /openapi.json has the same for programs.";
}
