"""What browsers are given: our pages, a built OHIF as it is, nothing else of the disk."""

import re
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from helpers.browser import OHIF
from helpers.files import pydicom_file, read
from helpers.images import phantom
from helpers.studies import instance
from helpers.web import HTJ2K, OCTETS, parts, related, serving
from helpers.web import path as place

from dicompress import FileError
from dicompress.server.settings import Settings
from dicompress.server.web.viewer import OPEN, OURS, check_folder, log_in_again, pages
from dicompress.store import Store

BUNDLE = b"console.log(1)\n" * 1000


@pytest.fixture
def built(tmp_path):
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<title>OHIF Viewer</title>")
    (folder / "app-config.js").write_text("window.config = 'theirs'")
    (folder / "app.bundle.0f6159c501addfe9.js").write_bytes(BUNDLE)
    (folder / "assets" / "a.png").write_bytes(b"\x89PNG")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "out.txt").symlink_to(tmp_path / "secret.txt")
    return folder


def client(settings: Settings) -> TestClient:
    app = FastAPI()
    app.include_router(pages(settings))
    return TestClient(app, "http://localhost", follow_redirects=False)


def test_ohif_is_served_as_it_is_with_our_configuration(built):
    web = client(Settings(viewer=built))
    for address in ("/viewer?StudyInstanceUIDs=1.2", "/segmentation?StudyInstanceUIDs=1.2", "/viewer"):
        assert "OHIF Viewer" in web.get(address).text
    assert web.get("/app-config.js").text == (OURS / "app-config.js").read_text() != (built / "app-config.js").read_text()
    found = web.get("/app.bundle.0f6159c501addfe9.js")
    assert found.content == BUNDLE and "immutable" in found.headers["cache-control"] and int(found.headers["content-length"]) < 500
    assert web.get("/app.bundle.0f6159c501addfe9.js", headers={"Accept-Encoding": "identity"}).headers["content-length"] == "15000"
    picture = web.get("/assets/a.png")
    assert (picture.content, picture.headers["content-type"], "content-encoding" in picture.headers) == (
        b"\x89PNG",
        "image/png",
        False,
    )


def test_a_file_that_changed_is_packed_again(built):
    web, path = client(Settings(viewer=built)), built / "index.html"
    assert "OHIF" in web.get("/index.html").text
    path.write_text("a newer one")
    assert web.get("/index.html").text == "a newer one"


def test_nothing_outside_of_the_folder_is_given(built):
    web = client(Settings(viewer=built))
    for path in ("/out.txt", "/../secret.txt", "/%2e%2e/secret.txt", "/assets/%2e%2e/%2e%2e/secret.txt", "/dicompress/%2e%2e%2fweb%2fviewer.py",
                 "/dicompress/..%2f__init__.py", "/assets", "/none.js", "/studies"):  # fmt: skip
        assert web.get(path).status_code == 404, path


def test_pages_of_ours_run_no_code_but_their_own_and_nothing_comes_from_elsewhere(built):
    web = client(Settings(viewer=built))
    policy = web.get("/").headers["content-security-policy"]
    assert "script-src 'self';" in policy and "frame-ancestors 'none'" in policy
    for path in OURS.iterdir():
        text = path.read_text()
        assert "http://" not in text.replace("http://www.w3.org/2000/svg", "") and "https://" not in text, path.name
        if path.suffix == ".html":
            assert "<script>" not in text and "style=" not in text and " onclick" not in text, path.name
        if path.suffix == ".js":
            assert "innerHTML" not in text and "eval(" not in text, path.name
        assert web.get(f"/dicompress/{path.name}").text == text


def test_without_a_viewer_there_is_the_first_page_and_how_to_install_one():
    web = client(Settings())
    assert "<h1>Studies</h1>" in web.get("/").text
    told = web.get("/viewer?StudyInstanceUIDs=1.2")
    assert told.status_code == 404 and "npm pack @ohif/app@" in told.text
    assert web.get("/app.js").status_code == 404


def test_a_folder_without_a_built_ohif_is_refused(tmp_path):
    with pytest.raises(FileError, match="holds no built OHIF"):
        check_folder(tmp_path)
    with pytest.raises(FileError):
        pages(Settings(viewer=tmp_path))


def test_the_page_to_log_in_needs_nothing_that_is_behind_the_token(built):
    web = client(Settings(token="a token", viewer=built))
    page = web.get("/login").text
    assert set(re.findall(r'(?:src|href)="([^"]*)"', page)) == set(OPEN) and 'method="post"' in page
    wrong = log_in_again()
    assert wrong.status_code == 401 and b"That is not the token." in wrong.body
    left = web.get("/logout")
    assert left.status_code == 303 and "Max-Age=0" in left.headers["set-cookie"]


def test_what_is_sent_packed_is_what_lies_there(built):
    raw = client(Settings(viewer=built)).get("/app.bundle.0f6159c501addfe9.js", headers={"Accept-Encoding": "gzip"})
    assert raw.headers["content-encoding"] == "gzip" and raw.headers["vary"] == "Accept-Encoding"
    assert raw.content == BUNDLE


def test_the_version_of_ohif_is_one_everywhere():
    root = Path(__file__).parent.parent
    for path in (OURS / "missing.html", root / "docs" / "service.md", root / ".ci" / "run"):
        found = re.findall(r"@ohif/app@([\d.]+\d)|ohif-app-([\d.]+)\.tgz|ohif=([\d.]+)", path.read_text())
        assert {one for some in found for one in some if one} == {OHIF}, path


def test_early_pictures_have_a_path_of_their_own_and_say_what_they_are(tmp_path):
    large = instance("CT", phantom(256, 256, noise=20), "1.2.1")
    with Store.create(tmp_path / "store") as store:
        store.put(large)
        store.put(pydicom_file("MR_small.dcm"))
        rows = {row["Modality"]: row for row in store.find("INSTANCE")}
        with serving(store) as web:
            early = web.get(place(rows["CT"], "/early/1"))
            ((head, picture),) = parts(early)
            assert (
                early.status_code == 200
                and "not for diagnosis" in early.headers["warning"]
                and "not for diagnosis" in head["Warning"]
            )
            assert head["Content-Type"] == "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.203"
            assert np.array_equal(imagecodecs.htj2k_decode(picture)[::4, ::4], read(large).pixel_array[::4, ::4])
            assert web.get(place(rows["CT"], "/early/1"), headers={"If-None-Match": early.headers["etag"]}).status_code == 304
            (exact,) = (body for _, body in parts(web.get(place(rows["CT"], "/frames/1"), headers=related(OCTETS, HTJ2K))))
            assert np.array_equal(imagecodecs.htj2k_decode(exact), read(large).pixel_array)
            none = web.get(place(rows["MR"], "/early/1"))
            assert none.status_code == 307 and none.next_request.url.path == place(rows["MR"], "/frames/1")
            assert [web.get(place(rows["CT"], more)).status_code for more in ("/early/2", "/early/0", "/early/x")] == [404, 400, 400]
