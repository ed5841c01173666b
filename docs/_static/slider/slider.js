// The slider: shows one block of a sheet of pictures made beforehand (workflow/sheet.py), with its scores.
(() => {
  const sheet = window.SHEET;
  const folder = document.currentScript.src.replace(/[^/]*$/, "");
  const $ = (id) => document.getElementById(id);
  const pictures = {};

  const fill = (select, options) =>
    options.forEach(([value, text]) => select.add(new Option(text, value)));
  fill($("dataset"), Object.entries(sheet.datasets).map(([name, set]) => [name, set.title]));
  fill($("method"), sheet.methods.map((text, number) => [number, text]));
  $("sparsity").max = sheet.sparsities.length - 1;
  $("sparsity").value = sheet.sparsities.indexOf(50);

  const entry = (set, method, layer, sparsity, recalibrated) =>
    set.entries.find(([m, l, s, r]) => m === method && l === layer && s === sparsity && r === recalibrated);
  const number = (value, digits) => (value === null ? "not measured" : value.toFixed(digits));

  function draw(canvas, picture, set, place, label) {
    const width = sheet.columns * set.size, height = sheet.rows * set.size;
    Object.assign(canvas, { width, height });
    const x = (place % sheet.across) * width, y = Math.floor(place / sheet.across) * height;
    canvas.getContext("2d").drawImage(picture, x, y, width, height, 0, 0, width, height);
    canvas.setAttribute("aria-label", label);
  }

  function show() {
    const name = $("dataset").value, set = sheet.datasets[name];
    const method = Number($("method").value), layer = Number($("last-layer").checked);
    const sparsity = Number($("sparsity").value), recalibrated = Number($("recalibrated").checked);
    const [, , , , place, ssim, frechet] = entry(set, method, layer, sparsity, recalibrated);
    const [, , , , densePlace, , denseFrechet] = entry(set, 0, 0, 0, 0);
    const removed = `${sheet.sparsities[sparsity]} %`;
    $("removed").value = removed;
    $("sparsity").setAttribute("aria-valuetext", `${removed} of the weights removed`);
    $("ssim").textContent = number(ssim, 2);
    $("frechet").textContent = number(frechet, 2);
    $("frechet-dense").textContent = number(denseFrechet, 2);
    const picture = (pictures[name] ??= Object.assign(new Image(), { src: `${folder}${name}.webp` }));
    const count = `${sheet.columns * sheet.rows} generated ${set.title} pictures`;
    picture.decode().then(() => {
      draw($("dense"), picture, set, densePlace, `${count} of the dense generator`);
      draw($("pruned"), picture, set, place, `${count}, same noise, ${removed} of the weights removed, ` +
        `${sheet.methods[method]}; SSIM ${number(ssim, 2)}, Fréchet distance ${number(frechet, 2)}`);
    });
  }

  $("slider").addEventListener("input", show);
  show();
})();
