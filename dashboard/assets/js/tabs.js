// Where tabs do not fit they scroll sideways: the one that is open is brought into sight.
requestAnimationFrame(() => {
  const open = document.querySelector(".tabs > [aria-current]");
  const strip = open?.parentElement;
  if (strip) strip.scrollLeft = open.offsetLeft - strip.offsetLeft - (strip.clientWidth - open.offsetWidth) / 2;
});
