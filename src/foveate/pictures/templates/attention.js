"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const [height, width] = data.size;
  const choice = document.getElementById("block");
  const together = document.getElementById("together");
  const told = document.getElementById("told");
  const ticks = document.getElementById("ticks");
  const ramp = bytesOf(data.ramp);
  const blocks = data.blocks.map((block) => ({
    ...block,
    values: bytesOf(block.values),
    peaks: new Float32Array(bytesOf(block.peaks).buffer),
  }));
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  let block = blocks[0];
  let place = nearest(data.start);
  let grey;

  function bytesOf(text) {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  }

  function distance(query, [row, column]) {
    return Math.hypot((query[0] - row) * height, (query[1] - column) * width);
  }

  function nearest(spot) {
    let best = 0;
    block.queries.forEach((query, number) => {
      if (distance(query, spot) < distance(block.queries[best], spot)) best = number;
    });
    return best;
  }

  // the next place in a direction; one further ahead only if it is less aside
  function beside(down, right) {
    const [row, column] = block.queries[place];
    let best = place;
    let least = Infinity;
    block.queries.forEach((query, number) => {
      const rows = (query[0] - row) * height;
      const columns = (query[1] - column) * width;
      const ahead = rows * down + columns * right;
      const aside = Math.abs(rows * right) + Math.abs(columns * down);
      if (ahead > 1e-3 && ahead + 3 * aside < least) {
        least = ahead + 3 * aside;
        best = number;
      }
    });
    return best;
  }

  // at each of `count` pixels: the two cells between which it lies, and how far along
  function between(count, cells) {
    return Array.from({ length: count }, (_, pixel) => {
      const at = ((pixel + 0.5) * cells) / count - 0.5;
      const low = Math.floor(at);
      const kept = (cell) => Math.min(Math.max(cell, 0), cells - 1);
      return [kept(low), kept(low + 1), at - low];
    });
  }

  function highest() {
    const peak = block.peaks[place] * block.rows * block.columns;
    return together.checked ? block.top : Math.max(peak, data.leastTop);
  }

  function paint() {
    const cells = block.rows * block.columns;
    const values = block.values.subarray(place * cells, (place + 1) * cells);
    const full = (block.peaks[place] * cells) / highest();
    const down = between(height, block.rows);
    const along = between(width, block.columns);
    const picture = pen.createImageData(width, height);
    for (let y = 0, spot = 0; y < height; y++) {
      const [upper, lower, far] = down[y];
      const above = upper * block.columns;
      const below = lower * block.columns;
      for (let x = 0; x < width; x++, spot++) {
        const [left, right, near] = along[x];
        const one = values[above + left] * (1 - near) + values[above + right] * near;
        const two = values[below + left] * (1 - near) + values[below + right] * near;
        const share = ((one * (1 - far) + two * far) / 255) * full;
        const colour = 3 * Math.round(Math.min(share, 1) * 255);
        for (let part = 0; part < 3; part++) {
          picture.data[4 * spot + part] =
            (1 - data.opacity) * grey[spot] + data.opacity * ramp[colour + part];
        }
        picture.data[4 * spot + 3] = 255;
      }
    }
    pen.putImageData(picture, 0, 0);
    ring(block.queries[place]);
  }

  function ring([row, column]) {
    const unit = Math.max(1, Math.max(height, width) / 300);
    for (const [line, colour] of [[3.5, "rgb(0 0 0 / .75)"], [1.5, "#fff"]]) {
      pen.beginPath();
      pen.arc(column * width, row * height, 5 * unit, 0, 2 * Math.PI);
      pen.lineWidth = line * unit;
      pen.strokeStyle = colour;
      pen.stroke();
    }
  }

  const percentSign = "\u00a0%";
  const short = (value) => Number(value.toPrecision(2)).toString();
  const percent = (share) => short(100 * share) + percentSign;
  const whole = (share) => Math.round(100 * share) + percentSign;
  const spoken = ([row, column]) => `${whole(column)} across and ${whole(row)} down`;

  function tell() {
    const cells = block.rows * block.columns;
    const values = block.values.subarray(place * cells, (place + 1) * cells);
    const peak = block.peaks[place];
    const most = values.indexOf(255);
    const at = [
      (Math.floor(most / block.columns) + 0.5) / block.rows,
      ((most % block.columns) + 0.5) / block.columns,
    ];
    const [row, column] = block.queries[place];
    const itself =
      Math.abs(at[0] - row) * block.rows < 0.5 && Math.abs(at[1] - column) * block.columns < 0.5;
    const sorted = Array.from(values).sort((a, b) => b - a);
    const half = sorted.reduce((sum, value) => sum + value, 0) / 2;
    let places = 0;
    for (let sum = 0; sum < half; places++) sum += sorted[places];
    const beyond = peak * cells > highest() * 1.001 ? " That is beyond the colours." : "";
    told.textContent =
      `The place ${spoken([row, column])} looks most at ${itself ? "itself" : spoken(at)}, ` +
      `with a share of ${percent(peak)}: ${short(peak * cells)} times the evenly spread one.` +
      `${beyond} Half of what it looks at lies within ${percent(places / cells)} of the places.`;
  }

  function mark() {
    const top = highest();
    const even = top > 12 ? [] : [[1 / top, "1"]];
    const marks = together.checked ? block.ticks : [[0, "0"], ...even, [1, short(top)]];
    ticks.replaceChildren(...marks.map(([share, label]) => {
      const text = document.createElementNS("http://www.w3.org/2000/svg", "text");
      text.setAttribute("x", `${100 * share}%`);
      text.setAttribute("y", "13");
      text.setAttribute("text-anchor", share < 0.02 ? "start" : share > 0.98 ? "end" : "middle");
      text.textContent = label;
      return text;
    }));
  }

  function show() {
    paint();
    tell();
    mark();
  }

  function choose(number) {
    place = number;
    show();
  }

  function pointed(event) {
    const box = canvas.getBoundingClientRect();
    choose(nearest([
      (event.clientY - box.top) / box.height,
      (event.clientX - box.left) / box.width,
    ]));
  }

  function prepare(image) {
    canvas.width = width;
    canvas.height = height;
    pen.imageSmoothingEnabled = height < 3 * image.naturalHeight;
    pen.drawImage(image, 0, 0, width, height);
    const pixels = pen.getImageData(0, 0, width, height).data;
    const { luma, middle, contrast } = data.grey;
    grey = Float32Array.from({ length: height * width }, (_, spot) => {
      const light = luma.reduce((sum, part, n) => sum + part * pixels[4 * spot + n], 0);
      return middle + (light - middle) * contrast;
    });
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", "The image under the colours. Arrow keys choose the place that looks.");
    canvas.setAttribute("aria-describedby", "told");
    canvas.style.maxWidth = `calc(75vh * ${width / height})`;
    document.getElementById("still").replaceWith(canvas);
  }

  function listen() {
    const arrows = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    canvas.addEventListener("click", pointed);
    canvas.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse" && event.buttons === 1) pointed(event);
    });
    canvas.addEventListener("keydown", (event) => {
      if (!(event.key in arrows) || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      choose(beside(...arrows[event.key]));
    });
    choice.addEventListener("change", () => {
      const spot = block.queries[place];
      block = blocks[choice.selectedIndex];
      choose(nearest(spot));
    });
    together.addEventListener("change", show);
  }

  choice.append(...blocks.map((one) => new Option(one.name)));
  document.getElementById("blocks").hidden = blocks.length === 1;
  const image = new Image();
  image.onload = () => {
    prepare(image);
    listen();
    show();
    document.getElementById("controls").hidden = false;
    document.getElementById("how").hidden = false;
  };
  image.src = data.image;
})();
