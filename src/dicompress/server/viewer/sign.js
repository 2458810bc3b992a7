// A sign on every picture of the viewer: early, not for diagnosis; or exact. In doubt it is early.
(() => {
  const EXACT = 8; // ImageQualityStatus.FULL_RESOLUTION of cornerstone
  const LOSSY = 'exact as stored; compressed with loss before'; // Lossy Image Compression (0028,2110) is 01
  const SEEN = { early: 'early', exact: 'exact', stored: 'stored' };
  const signs = new WeakMap(); // element of a viewport: its sign

  const style = document.createElement('style');
  style.textContent = `
    .dicompress-sign { position: absolute; top: .5rem; right: 1.6rem; z-index: 10; pointer-events: none; width: max-content; max-width: 94%;
      background: rgba(0, 0, 0, .6); color: #7ee2a8; border-radius: 4px; font: 12px/1.3 system-ui, sans-serif; padding: .15rem .5rem; }
    .dicompress-sign[data-quality=early] { top: 5.6rem; /* below all that OHIF lays there */ left: 50%; right: auto; transform: translateX(-50%);
      background: #ffb000; color: #000; border: 2px solid #000; text-align: center; font-weight: 600; font-size: 13px; }
    .dicompress-sign[data-quality=stored] { color: #ffd27a; }
    .dicompress-sign:empty { display: none; }`;
  document.head.append(style);

  // [quality, words] of what a viewport shows; null: it shows nothing yet.
  function told(viewport) {
    const core = window.cornerstone;
    const image = viewport.getCornerstoneImage?.();
    if (image) {
      if (image.imageQualityStatus !== EXACT) {
        return [SEEN.early, 'EARLY PICTURE – NOT FOR DIAGNOSIS'];
      }
      return lossy(core, image.imageId) ? [SEEN.stored, LOSSY] : [SEEN.exact, 'exact'];
    }
    const volumes = (viewport.getAllVolumeIds?.() ?? []).map(id => core.cache.getVolume(id)).filter(volume => volume?.loadStatus);
    if (!volumes.length) {
      return null;
    }
    const all = volumes.reduce((sum, volume) => sum + (volume.totalNumFrames ?? volume.imageIds.length), 0);
    const there = volumes.reduce((sum, volume) => sum + exactFrames(volume), 0);
    if (there < all) {
      return [SEEN.early, `EARLY PICTURE – NOT FOR DIAGNOSIS: ${there} of ${all} slices`];
    }
    const some = volumes.some(volume => lossy(core, volume.imageIds[0]));
    return some ? [SEEN.stored, LOSSY] : [SEEN.exact, 'exact'];
  }

  function exactFrames(volume) {
    return volume.cachedFrames?.filter(status => status === EXACT).length ?? 0;
  }

  function lossy(core, imageId) {
    return core.metaData.get('instance', imageId)?.LossyImageCompression === '01';
  }

  function show(viewport, rendered) {
    const { element } = viewport;
    if (!element) {
      return;
    }
    let sign = signs.get(element);
    if (!sign?.isConnected) {
      sign = document.createElement('div');
      sign.className = 'dicompress-sign';
      sign.setAttribute('role', 'status');
      element.append(sign);
      signs.set(element, sign);
    }
    const [quality, words] = told(viewport) ?? ['', ''];
    if (sign.dataset.quality === quality && sign.textContent === words) {
      return;
    }
    if (quality === SEEN.early || quality === '' || rendered) { // what is better is told when it has been drawn
      sign.dataset.quality = quality;
      sign.textContent = words;
    }
  }

  function each(rendered, element) {
    for (const engine of window.cornerstone?.getRenderingEngines?.() ?? []) {
      for (const viewport of engine.getViewports()) {
        if (!element || viewport.element === element) {
          show(viewport, rendered);
        }
      }
    }
  }

  // Events of elements do not bubble, but they can be caught on their way down.
  document.addEventListener('CORNERSTONE_STACK_NEW_IMAGE', event => each(false, event.target), true);
  document.addEventListener('CORNERSTONE_IMAGE_RENDERED', event => each(true, event.target), true);
  setInterval(() => each(false), 250);
})();
