// What is early becomes exact without being asked for: slices of volumes, which OHIF would leave as it found them; what is looked at, when
// a line was broken and is back; and, when all that is looked at is exact, what lies near it in its stack, one frame at a time, so that a
// thin line stays free.
(() => {
  const EXACT = 8, LOSSY = 7; // ImageQualityStatus of cornerstone
  const FULL = 0.5; // part of its cache
  const MOST = 4; // slices of volumes at a time
  const LONG = 3000; // ms without a request after which the exact picture will not come by itself: the line broke
  const failed = new Set(), running = new Set();
  const waiting = new Map(); // viewport: [imageId that is early there, since when nothing is asked for]

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

  // What is looked at in a stack and stays early: [imageId, the viewport].
  function stuck() {
    for (const viewport of viewports()) {
      const image = viewport.type === 'stack' ? viewport.getCornerstoneImage?.() : null;
      if (!image || image.imageQualityStatus === EXACT || window.cornerstone.cache.getImageLoadObject(image.imageId)) {
        waiting.delete(viewport);
      } else if (waiting.get(viewport)?.[0] !== image.imageId) {
        waiting.set(viewport, [image.imageId, performance.now()]);
      } else if (performance.now() - waiting.get(viewport)[1] > LONG && !failed.has(image.imageId) && !running.has(image.imageId)) {
        return [image.imageId, viewport];
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

  // shown: the volume or viewport that shows it, if one does.
  async function improve(imageId, shown) {
    const { cache, imageLoader } = window.cornerstone;
    const own = shown?.getLoaderImageOptions(imageId) ?? { useRGBA: false };
    running.add(imageId);
    try {
      cache.setPartialImage(imageId, undefined, true); // the early picture stays until the exact one is there
      const options = { ...own, requestType: 'prefetch', priority: 0, retrieveOptions: {} };
      const image = await imageLoader.loadAndCacheImage(imageId, options);
      shown?.successCallback(imageId, image);
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
    while (running.size < MOST && (found = slice() ?? stuck())) {
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
