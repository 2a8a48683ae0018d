// What axe does not see. Runs before the page's own scripts; each check gives what is wrong, in words.
window.checks = (() => {
  const CONTROLS = "button, a[href], input, select, textarea, summary, [tabindex]";
  const LIVE = "[role=status], [role=alert], [role=log], [aria-live=polite], [aria-live=assertive]";
  const all = (selector) => [...document.querySelectorAll(selector)];
  const head = (element) => element.outerHTML.slice(0, 120);
  const shown = (element) => element.checkVisibility({ visibilityProperty: true });

  // A screen reader says the text of a live region each time it has become another.
  const announced = [];
  const last = new WeakMap();
  const listen = () => {
    for (const region of all(LIVE)) {
      const text = region.textContent.trim();
      if (text === (last.get(region) ?? "")) continue;
      last.set(region, text);
      if (text) announced.push(text);
    }
  };
  new MutationObserver(listen).observe(document, { subtree: true, childList: true, characterData: true });

  const sideways = () => {
    const width = document.documentElement.scrollWidth;
    if (width === innerWidth) return [];
    const over = all("body *").filter((e) => e.getBoundingClientRect().right > innerWidth + 0.5);
    return [`${width} px in ${innerWidth}`, ...over.map(head)];
  };

  const shownThoughHidden = () =>
    all("[hidden]").filter((e) => getComputedStyle(e).display !== "none").map(head);

  const inSentence = (e) =>
    e.matches("a") && getComputedStyle(e).display === "inline" &&
    e.parentElement.textContent.trim() !== e.textContent.trim();

  // A box to tick is as big as its label; a link in a sentence may be as small as its words (2.5.8).
  const smallTargets = () => {
    const found = [];
    for (const e of all(CONTROLS)) {
      if (!shown(e) || e.tabIndex < 0 || inSentence(e)) continue;
      const boxes = [e, ...(e.labels ?? [])].map((x) => x.getBoundingClientRect());
      const width = Math.max(...boxes.map((b) => b.width));
      const height = Math.max(...boxes.map((b) => b.height));
      if (width <= 1 || height <= 1) continue; // a skip link that waits for its focus
      const least = e.matches("a, summary") ? 24 : 44;
      if (Math.min(width, height) < least - 0.5) {
        found.push(`${width.toFixed()} x ${height.toFixed()}: ${head(e)}`);
      }
    }
    return found;
  };

  const focus = () => {
    const e = document.activeElement;
    if (!e || e === document.body || e === document.documentElement) return null;
    const style = getComputedStyle(e);
    const box = e.getBoundingClientRect();
    return {
      place: all("*").indexOf(e),
      name: (e.ariaLabel || e.labels?.[0]?.textContent || e.textContent || e.id).trim(),
      tag: e.localName,
      html: head(e),
      ring: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
      seen: box.width > 0 && box.bottom > 0 && box.top < innerHeight,
    };
  };

  // Tab goes on from where the focus was last, even when nothing has it.
  const toTop = () => {
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute("tabindex");
    scrollTo(0, 0);
  };

  const reachable = () => {
    const groups = new Set();
    return all(CONTROLS).filter((e) => {
      if (e.tabIndex < 0 || e.disabled || !shown(e) || e.closest("[inert]")) return false;
      if (e.type !== "radio") return true;
      const fresh = !groups.has(e.name); // one stop for each group
      groups.add(e.name);
      return fresh;
    }).map(head);
  };

  const moving = () =>
    document.getAnimations()
      .filter((a) => a.effect.getComputedTiming().duration > 1)
      .map((a) => head(a.effect.target));

  // The states of the diagram, each as it is painted.
  const painted = () =>
    Object.fromEntries(all("svg.diagram [data-node]").map((node) => {
      const box = getComputedStyle(node.querySelector("rect"));
      const text = getComputedStyle(node.querySelector("text"));
      return [node.dataset.node, { fill: box.fill, text: text.fill, weight: text.fontWeight }];
    }));

  // The bytes of everything that was loaded, on the wire and unpacked.
  const weights = () =>
    Object.fromEntries(
      ["navigation", "resource"].flatMap((type) => performance.getEntriesByType(type))
        .map((entry) => [entry.name, [entry.encodedBodySize, entry.decodedBodySize]]));

  // How many animations ran at once, at the most, since this was asked first.
  let most = null;
  const movedAtMost = () => {
    if (most === null) {
      most = 0;
      const look = () => {
        most = Math.max(most, moving().length);
        requestAnimationFrame(look);
      };
      look();
    }
    return most;
  };

  return { announced, movedAtMost, painted, weights, sideways, shownThoughHidden, smallTargets, focus, reachable, moving, toTop };
})();
