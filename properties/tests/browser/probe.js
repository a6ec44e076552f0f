// Looks at the page that it stands in, and tells the page around it what it saw.
(async () => {
  const frame = () => new Promise((next) => setTimeout(next, 20));
  const root = document.documentElement;

  const luminance = (colour) => {
    const [red, green, blue] = colour.match(/[\d.]+/g).slice(0, 3).map((part) => {
      const share = part / 255;
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (one, other) => {
    const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  };
  const paperOf = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!/, 0\)$/.test(colour) && colour !== "transparent") return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const name = (element) => `${element.tagName} ${element.className} ${element.textContent.slice(0, 40)}`;

  const saw = {
    page: window.name,
    width: root.clientWidth,
    widths: [root.scrollWidth],
    dark: matchMedia("(prefers-color-scheme: dark)").matches,
    links: 0,
    leadNowhere: [],
    cannotBeFocused: [],
    stayShut: [],
    overlaps: [],
    outside: [],
    pale: [],
    sections: 0,
    requests: performance.getEntriesByType("resource").map((entry) => entry.name),
  };

  for (const link of document.querySelectorAll("a[href]")) {
    saw.links += 1;
    const href = link.getAttribute("href");
    if (!href.startsWith("#") || !document.getElementById(href.slice(1))) saw.leadNowhere.push(href);
  }

  const lookAt = (scope) => {
    for (const element of scope.querySelectorAll("a, summary, [tabindex='0']")) {
      if (!element.checkVisibility()) continue;
      element.focus();
      if (document.activeElement !== element || element.tabIndex < 0) saw.cannotBeFocused.push(name(element));
    }
    for (const element of scope.querySelectorAll("p, th, td, dt, dd, a, summary, pre, small")) {
      if (!element.checkVisibility() || !element.textContent.trim()) continue;
      const ratio = contrast(getComputedStyle(element).color, paperOf(element));
      if (ratio < 4.5) saw.pale.push(`${ratio.toFixed(1)} ${name(element)}`);
    }
    for (const diagram of scope.querySelectorAll("svg")) {
      if (!diagram.checkVisibility()) continue;
      const sheet = diagram.viewBox.baseVal;
      const texts = [...diagram.querySelectorAll("text")].map((text) => [text, text.getBBox()]);
      texts.forEach(([text, box], place) => {
        if (box.x < -0.5 || box.x + box.width > sheet.width + 0.5) saw.outside.push(text.textContent);
        for (const [other, there] of texts.slice(place + 1)) {
          const across = Math.min(box.x + box.width, there.x + there.width) - Math.max(box.x, there.x);
          const down = Math.min(box.y + box.height, there.y + there.height) - Math.max(box.y, there.y);
          if (across > 1 && down > 2) saw.overlaps.push(`${text.textContent} | ${other.textContent}`);
        }
      });
    }
  };

  lookAt(document);
  for (const link of document.querySelectorAll("td.violated a")) {
    saw.sections += 1;
    link.click();
    await frame();
    const section = document.getElementById(link.getAttribute("href").slice(1));
    if (!section || !section.checkVisibility() || !section.querySelector("svg")) saw.stayShut.push(link.getAttribute("href"));
    else lookAt(section);
    saw.widths.push(root.scrollWidth);
  }
  parent.postMessage(JSON.stringify(saw), "*");
})().catch((error) => parent.postMessage(JSON.stringify({ error: String(error) }), "*"));
