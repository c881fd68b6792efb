// A link opens every folded part around its place; one to a claim opens the contests as well.
const reveal = hash => {
  let place = null;
  try { place = document.getElementById(decodeURIComponent(hash.slice(1))); } catch { return; }
  if (!place) return;
  for (let part = place; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
  if (place.matches(".claim")) for (const part of place.querySelectorAll(":scope > details")) part.open = true;
  requestAnimationFrame(() => place.scrollIntoView());
};
document.addEventListener("click", event => {
  const link = event.target.closest('a[href^="#"]');
  if (link) reveal(link.hash);
});
addEventListener("hashchange", () => reveal(location.hash));
reveal(location.hash);
