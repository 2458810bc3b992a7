// When what is looked at is exact, so becomes what lies near: one frame at a time, so that a thin line stays free.
(() => {
  const EXACT = 8, LOSSY = 7; // ImageQualityStatus of cornerstone
  const FULL = 0.5; // part of its cache
  const failed = new Set();
  let busy = false;

  function next() {
    const { cache, getRenderingEngines } = window.cornerstone;
    if (cache.getCacheSize() > FULL * cache.getMaxCacheSize()) {
      return null;
    }
    for (const engine of getRenderingEngines()) {
      for (const viewport of engine.getViewports()) {
        if (viewport.type !== 'stack' || !viewport.getCornerstoneImage?.()) {
          continue;
        }
        if (viewport.getCornerstoneImage().imageQualityStatus !== EXACT) {
          return null; // it comes first
        }
      }
    }
    for (const engine of getRenderingEngines()) {
      for (const viewport of engine.getViewports()) {
        if (viewport.type !== 'stack') {
          continue;
        }
        const ids = viewport.getImageIds(), at = viewport.getCurrentImageIdIndex();
        const early = ids.map((id, index) => [Math.abs(index - at), id]).filter(([, id]) => cache.getImageQuality(id) === LOSSY);
        const wanted = early.sort((a, b) => a[0] - b[0]).find(([, id]) => !failed.has(id));
        if (wanted) {
          return wanted[1];
        }
      }
    }
    return null;
  }

  async function tick() {
    const imageId = window.cornerstone && !busy ? next() : null;
    if (!imageId) {
      return;
    }
    busy = true;
    const { cache, imageLoader } = window.cornerstone;
    try {
      cache.setPartialImage(imageId, undefined, true); // the early picture stays until the exact one is there
      await imageLoader.loadAndCacheImage(imageId, { requestType: 'prefetch', priority: 0, useRGBA: false, retrieveOptions: {} });
    } catch {
      failed.add(imageId);
    }
    busy = false;
    setTimeout(tick, 0);
  }

  setInterval(tick, 300);
})();
