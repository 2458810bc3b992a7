// What is early becomes exact without being asked for: slices of volumes, which OHIF would leave as it found them; and, when the pictures
// that are looked at are exact, what lies near them in their stacks, one frame at a time, so that a thin line stays free.
(() => {
  const EXACT = 8, LOSSY = 7; // ImageQualityStatus of cornerstone
  const FULL = 0.5; // part of its cache
  const MOST = 4; // slices of volumes at a time
  const failed = new Set(), running = new Set();

  const viewports = () => window.cornerstone.getRenderingEngines().flatMap(engine => engine.getViewports());
  const isEarly = id => window.cornerstone.cache.getImageQuality(id) === LOSSY && !failed.has(id) && !running.has(id);

  // Of volumes that are looked at: [imageId, the volume].
  function slice() {
    for (const viewport of viewports()) {
      for (const id of viewport.getAllVolumeIds?.() ?? []) {
        const volume = window.cornerstone.cache.getVolume(id);
        const found = volume?.imageIds?.find((imageId, index) => volume.cachedFrames?.[index] === LOSSY && isEarly(imageId));
        if (found) {
          return [found, volume];
        }
      }
    }
    return null;
  }

  // Of stacks, the nearest.
  function neighbour() {
    const { cache } = window.cornerstone;
    const stacks = viewports().filter(viewport => viewport.type === 'stack' && viewport.getCornerstoneImage?.());
    if (cache.getCacheSize() > FULL * cache.getMaxCacheSize()) {
      return null;
    }
    if (stacks.some(viewport => viewport.getCornerstoneImage().imageQualityStatus !== EXACT)) {
      return null; // these come first
    }
    for (const viewport of stacks) {
      const at = viewport.getCurrentImageIdIndex();
      const early = viewport.getImageIds().map((id, index) => [Math.abs(index - at), id]).filter(([, id]) => isEarly(id));
      if (early.length) {
        return early.reduce((a, b) => (b[0] < a[0] ? b : a))[1];
      }
    }
    return null;
  }

  async function improve(imageId, volume) {
    const { cache, imageLoader } = window.cornerstone;
    const own = volume?.getLoaderImageOptions(imageId) ?? { useRGBA: false };
    running.add(imageId);
    try {
      cache.setPartialImage(imageId, undefined, true); // the early picture stays until the exact one is there
      const options = { ...own, requestType: 'prefetch', priority: 0, retrieveOptions: {} };
      const image = await imageLoader.loadAndCacheImage(imageId, options);
      volume?.successCallback(imageId, image);
    } catch {
      failed.add(imageId);
    }
    running.delete(imageId);
    setTimeout(tick, 0);
  }

  function tick() {
    if (!window.cornerstone) {
      return;
    }
    let found;
    while (running.size < MOST && (found = slice())) {
      improve(...found);
    }
    const near = running.size ? null : neighbour();
    if (near) {
      improve(near);
    }
  }

  setInterval(tick, 300);
  setInterval(() => failed.clear(), 10000); // lines break and come back
})();
