// Nothing moves by itself: a button exchanges the first frame for the animation, and back.
for (const picture of document.querySelectorAll("img.moving")) {
  const still = picture.src, button = picture.nextElementSibling;
  button.hidden = false;
  button.addEventListener("click", () => {
    const plays = button.textContent === "Pause";
    picture.src = plays ? still : picture.dataset.moving;
    button.textContent = plays ? "Play" : "Pause";
  });
}
