"""OHIF in a browser, by a gateway, on a thin line: early pictures with a sign, then the exact pixels with another."""

import hashlib
import json
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.archive import compress
from helpers.browser import built_ohif, chromium
from helpers.files import pydicom_file, read
from helpers.studies import instance, picture, slices

from dicompress.server.serve import Gateway
from dicompress.server.settings import Settings
from dicompress.store import Store

pytestmark = pytest.mark.slow
SHARE = 0.15  # of the bytes of the exact frame, at most
LINE = {"offline": False, "latency": 30, "downloadThroughput": 500_000, "uploadThroughput": 500_000}  # 4 Mbit/s; ms, bytes a second
WAIT = 90_000  # ms; other things may run beside this
SCROLLED = 200
EVIL = "<img src=x onerror=document.title='evil'>"
STUDIES = {
    "CT": (instance("CT", picture(512, 512, 2500, 0.02), "1.2.1"),),
    "MR": (instance("MR", picture(256, 256, 1500, 0.03), "1.2.2", PatientName=EVIL, StudyDescription=EVIL),),
    "radiograph": (instance("CR", picture(1200, 1040, 60000, 0.001), "1.2.3", bits=16),),
    "scrolled": slices("1.2.4", SCROLLED),
    "volume": slices("1.2.5", 20),
    "small": (pydicom_file("MR_small.dcm"),),
}
# What the page notes down: each state of the sign and each drawing, with the time.
WATCH = """
    window.noted = [];
    const note = what => window.noted.push([performance.now(), what]);
    document.addEventListener('CORNERSTONE_IMAGE_RENDERED', () => note('drawn ' + (document.querySelector('.dicompress-sign')?.dataset.quality ?? '')), true);
    new MutationObserver(() => {
      const seen = document.querySelector('.dicompress-sign')?.dataset.quality;
      if (seen && window.noted.findLast(([, what]) => what.startsWith('sign'))?.[1] !== 'sign ' + seen) note('sign ' + seen);
    }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-quality'] });

    let exact = location.hash; // what becomes of requests of exact frames: #held until they are released, or #failed
    const { open, send } = XMLHttpRequest.prototype, held = [];
    XMLHttpRequest.prototype.open = function (method, url, ...more) {
      this.asksExact = String(url).includes('/frames/');
      open.call(this, method, url, ...more);
    };
    XMLHttpRequest.prototype.send = function (body) {
      if (this.asksExact && exact === '#held') held.push(this);
      else if (this.asksExact && exact === '#failed') setTimeout(() => this.dispatchEvent(new ProgressEvent('error')));
      else send.call(this, body);
    };
    window.release = () => { exact = ''; held.splice(0).forEach(one => send.call(one)); };
"""
PICTURES = """() => Promise.all([...document.images].map(async image => {
    image.loading = 'eager';
    await image.decode();
    return image.naturalWidth > 0;
  })).then(found => found.filter(Boolean).length)"""
SIGNS = "[...document.querySelectorAll('.dicompress-sign')].map(one => one.dataset.quality).join()"
SIGN = "document.querySelector('.dicompress-sign')?.dataset.quality"
VIEWPORT = "cornerstone.getRenderingEngines()[0].getViewports()[0]"
SCROLL = """async steps => {
    const viewport = cornerstone.getRenderingEngines()[0].getViewports()[0];
    const drawn = index => new Promise(done => {
      const look = () => {
        if (viewport.getCurrentImageIdIndex() !== index) return; // an exact picture of the slice before
        viewport.element.removeEventListener('CORNERSTONE_IMAGE_RENDERED', look);
        done();
      };
      viewport.element.addEventListener('CORNERSTONE_IMAGE_RENDERED', look);
    });
    const seen = [];
    for (let index = viewport.getCurrentImageIdIndex() + 1; seen.length < steps; index += 1) {
      const there = drawn(index);
      viewport.scroll(1);
      await there;
      seen.push(viewport.getCurrentImageIdIndex());
    }
    return seen;
  }"""
VOLUME = f"[...cornerstone.cache.getVolume({VIEWPORT}.getAllVolumeIds()[0]).voxelManager.getCompleteScalarDataArray()]"
HASHES = """async ids => {
    const digest = async pixels => [...new Uint8Array(await crypto.subtle.digest('SHA-256', pixels))].map(b => b.toString(16).padStart(2, '0')).join('');
    const told = {};
    for (const id of ids) {
      const image = cornerstone.cache.getImage(id);
      const pixels = image?.getPixelData();
      told[id] = image ? [image.imageQualityStatus, pixels.constructor.name, await digest(pixels)] : null;
    }
    return told;
  }"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A gateway with all studies, of which the CT is compressed; a browser that has OHIF's files already."""
    ohif, folder = built_ohif(), tmp_path_factory.mktemp("gateway") / "store"
    with chromium() as browser, Store.create(folder) as store:
        store.put(STUDIES["CT"][0])
        assert {outcome.status for outcome in compress(store).values()} == {"compressed"}
        for name, files in STUDIES.items():
            if name != "CT":
                for data in files:
                    store.put(data)
        with Gateway(store, Settings(web_port=0, dicom_port=0, viewer=ohif)) as gateway:
            context = browser.new_context(viewport={"width": 900, "height": 600})
            context.add_init_script(WATCH)
            place = SimpleNamespace(url=f"http://127.0.0.1:{gateway.web_port}", context=context, store=store)
            page = opened(place, "small")
            page.wait_for_function(f"{SIGN} === 'exact'", timeout=WAIT)
            page.close()
            yield place


def opened(place, name: str, thin: bool = False, exact: str = ""):
    """The study of this name in OHIF. exact: #held or #failed, what becomes of exact frames."""
    page = place.context.new_page()
    if thin:
        line = place.context.new_cdp_session(page)
        line.send("Network.enable")
        line.send("Network.emulateNetworkConditions", LINE)
    uid = read(STUDIES[name][0]).StudyInstanceUID
    page.goto(f"{place.url}/viewer?StudyInstanceUIDs={uid}{exact}", timeout=WAIT)
    return page


def expected(data: bytes, kind: str) -> str:
    """SHA-256 of the pixels as cornerstone keeps them: with slope and intercept."""
    dataset = read(data)
    pixels = dataset.pixel_array.astype(np.int64) * int(dataset.get("RescaleSlope", 1)) + int(dataset.get("RescaleIntercept", 0))
    dtype = np.dtype(kind.removesuffix("Array").lower())
    assert pixels.min() >= np.iinfo(dtype).min and pixels.max() <= np.iinfo(dtype).max
    return hashlib.sha256(pixels.astype(dtype).tobytes()).hexdigest()


def assert_exact(page, files) -> None:
    """What the viewer keeps of these is the originals'."""
    ids = page.evaluate(f"{VIEWPORT}.getImageIds()")
    told = page.evaluate(HASHES, ids)
    assert len(ids) == len(files)
    for data in files:
        (found,) = (told[one] for one in ids if f"/{read(data).SOPInstanceUID}/" in one)
        assert found and found[0] == 8 and found[2] == expected(data, found[1])


def loaded(page, part: str) -> list[dict]:
    """What came of URLs with this part: startTime and responseEnd in ms, encodedBodySize."""
    entries = json.loads(page.evaluate("JSON.stringify(performance.getEntriesByType('resource'))"))
    return [one for one in entries if part in one["name"]]


@pytest.mark.parametrize("name", ["CT", "MR", "radiograph"])
def test_an_early_picture_comes_before_15_percent_of_the_bytes_and_then_the_exact_one(place, name):
    page = opened(place, name, thin=True, exact="#held")
    page.wait_for_function("window.noted.some(([, what]) => what === 'drawn early')", timeout=WAIT)
    assert not loaded(page, "/frames/")  # so all that has come of it is
    (early,) = loaded(page, "/early/1")
    page.evaluate("release()")
    page.wait_for_function(f"{SIGN} === 'exact'", timeout=WAIT)
    (exact,) = loaded(page, "/frames/1")
    assert 0 < early["encodedBodySize"] < SHARE * exact["encodedBodySize"]
    noted = page.evaluate("window.noted")
    signs = [(time, what) for time, what in noted if what.startswith("sign")]
    assert [what for _, what in signs] == ["sign early", "sign exact"]
    assert early["responseEnd"] < signs[0][0] and exact["responseEnd"] < signs[1][0]
    assert_exact(page, STUDIES[name])
    page.close()


def test_what_is_too_small_for_an_early_picture_is_exact_and_comes_once(place):
    page = opened(place, "small")
    page.wait_for_function(f"{SIGN} === 'exact'", timeout=WAIT)
    bodies = [one["encodedBodySize"] for one in loaded(page, "/instances/") if "/early/" in one["name"] or "/frames/" in one["name"]]
    assert len(bodies) == 2 and [one["transferSize"] for one in loaded(page, "/frames/1")] < bodies[:1]  # it was known already
    assert "went wrong" not in page.inner_text("body")
    assert_exact(page, STUDIES["small"])
    page.close()


def test_early_pictures_stay_early_while_the_line_is_broken(place):
    page = opened(place, "CT", exact="#failed")
    page.wait_for_function(f"{SIGN} === 'early'", timeout=WAIT)
    page.wait_for_timeout(1000)
    assert page.inner_text(".dicompress-sign") == "EARLY PICTURE – NOT FOR DIAGNOSIS"
    page.evaluate("release()")
    page.wait_for_function(f"{SIGN} === 'exact'", timeout=WAIT)
    assert_exact(page, STUDIES["CT"])
    page.close()


def test_200_slices_are_scrolled_through_and_each_is_exact_in_the_end(place):
    page = opened(place, "scrolled")
    page.wait_for_function(SIGN, timeout=WAIT)
    page.mouse.move(500, 300)
    page.mouse.wheel(0, 100)
    page.wait_for_function(f"{VIEWPORT}.getCurrentImageIdIndex() === 1", timeout=WAIT)
    seen = page.evaluate(SCROLL, SCROLLED - 2)
    assert seen == list(range(2, SCROLLED))
    page.wait_for_function(f"{VIEWPORT}.getImageIds().every(id => cornerstone.cache.getImageQuality(id) === 8)", timeout=WAIT)
    page.wait_for_function(f"{SIGN} === 'exact'", timeout=WAIT)
    assert_exact(page, STUDIES["scrolled"])
    page.close()


def test_a_volume_of_slices_that_were_early_is_exact_when_its_sign_says_so(place):
    page = opened(place, "volume", exact="#failed")
    page.wait_for_function(f"{SIGN} === 'early'", timeout=WAIT)
    page.wait_for_function(
        f"{VIEWPORT}.getImageIds().filter(id => cornerstone.cache.getImageQuality(id) === 7).length > 10", timeout=WAIT
    )
    page.evaluate("release()")
    page.evaluate("commandsManager.run('setHangingProtocol', { protocolId: 'mpr' })")
    page.wait_for_function(f"{SIGNS} === 'exact,exact,exact'", timeout=WAIT)
    volume = np.array(page.evaluate(VOLUME), np.int64).reshape(-1, 128, 128)
    slices = np.stack([read(data).pixel_array.astype(np.int64) - 1024 for data in STUDIES["volume"]])
    assert np.array_equal(volume, slices) or np.array_equal(volume, slices[::-1])
    page.close()


def test_the_first_page_lists_studies_and_leads_to_the_viewer(place):
    page = place.context.new_page()
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto(place.url, timeout=WAIT)
    page.wait_for_selector("#studies tr")
    rows = page.locator("#studies tr")
    assert rows.count() == len(STUDIES)
    text = page.inner_text("table")
    assert "Doe, Jane" in text and "compressed" in text and "raw" in text and EVIL in text and page.title() == "Studies – dicompress"
    assert page.evaluate(PICTURES) == len(STUDIES)
    page.fill("#search", "<img")
    rows.nth(1).wait_for(state="detached", timeout=WAIT)
    assert faults == []
    page.click("#studies a[data-link] strong")
    page.wait_for_function(f"{SIGN} === 'exact'", timeout=WAIT)
    assert "StudyInstanceUIDs=1.2.2" in page.url
    page.close()


def test_who_has_the_token_logs_in_and_sees_pictures_and_others_see_nothing(place):
    with Gateway(place.store, Settings(web_port=0, dicom_port=0, viewer=built_ohif(), token="a long token")) as gateway:
        url = f"http://127.0.0.1:{gateway.web_port}"
        context = place.context.browser.new_context()
        page = context.new_page()
        for path in ("/dicompress/list", "/studies", "/studies/1.2.1/thumbnail", "/app-config.js", "/dicompress/first.js"):
            assert page.request.get(url + path).status == 401, path
        page.goto(f"{url}/viewer?StudyInstanceUIDs=1.2.1", timeout=WAIT)
        assert page.url == f"{url}/login"
        page.fill("#token", "a wrong token")
        page.click("button")
        page.get_by_text("That is not the token.").wait_for(timeout=WAIT)
        page.fill("#token", "a long token")
        page.click("button")
        page.wait_for_selector("#studies tr", timeout=WAIT)
        assert page.evaluate(PICTURES) == len(STUDIES) and "a long token" not in str(context.cookies())
        page.click("#leave")
        page.wait_for_selector("#token", timeout=WAIT)
        page.goto(url, timeout=WAIT)
        assert page.url == f"{url}/login" and context.cookies() == []
        context.close()
