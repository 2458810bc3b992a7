"""The web door from outside: who comes in, what is told to whom, and errors that never look like pictures."""

import logging
import os
import signal
import time
from multiprocessing import active_children

import httpx
import pytest

pytest.importorskip("fastapi")

from helpers.archive import compress, instance
from helpers.web import DICOM, OCTETS, path, related, serving

from dicompress.errors import FileError
from dicompress.server.web import limits
from dicompress.store import Store

TOKEN = "a-token-of-24-characters"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
SECRETS = ("CompressedSamples", "1CT1")  # name and ID of pydicom's patient


@pytest.fixture
def store(tmp_path):
    with Store.create(tmp_path / "store") as store:
        for number in range(4):
            store.put(instance(number))
        yield store


def first(store) -> str:
    return path(store.find("INSTANCE")[0])


def test_without_the_token_nobody_comes_in(store):
    with serving(store, token=TOKEN) as door:
        for headers in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": TOKEN},
            {"Authorization": f"Basic {TOKEN}"},
            {"Cookie": f"dicompress={TOKEN}"},
        ):
            for place in ("/studies", first(store), f"{first(store)}/frames/1", "/metrics", "/nothing"):
                answer = door.get(place, headers=headers)
                assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="dicompress"')
            assert door.post("/studies", content=b"", headers=headers | {"Content-Type": DICOM}).status_code == 401
        assert door.get("/studies", headers=BEARER).status_code == 200
        assert door.get("/health").status_code == 200


def test_without_a_token_only_names_of_this_machine_are_answered(store):
    with serving(store) as door:
        port = door.base_url.port
        for name in (f"127.0.0.1:{port}", f"localhost:{port}", "LOCALHOST", f"[::1]:{port}"):
            assert door.get("/studies", headers={"Host": name}).status_code == 200
        for name in (f"images.example:{port}", "localhost.example", "10.0.0.7", ""):
            answer = door.get("/studies", headers={"Host": name})
            assert answer.status_code == 421 and "set a token" in answer.text
    with serving(store, token=TOKEN) as door:
        assert door.get("/studies", headers=BEARER | {"Host": "images.example"}).status_code == 200


def test_a_browser_gets_a_cookie_for_the_token(store):
    with serving(store, token=TOKEN) as door:
        assert door.post("/login", data={"token": "wrong"}).status_code == 401
        assert door.get("/studies").status_code == 401
        answer = door.post("/login", data={"token": TOKEN})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=strict" in cookie
        assert TOKEN not in cookie
        assert door.get("/studies").status_code == 200
        assert door.get("/studies", headers={"Sec-Fetch-Mode": "navigate", "Cookie": ""}).headers["location"] == "/login"


def test_pages_elsewhere_may_call_only_if_they_are_named(store):
    with serving(store, origins="https://viewer.test https://other.test", token=TOKEN) as door:
        answer = door.get("/studies", headers=BEARER | {"Origin": "https://viewer.test"})
        assert answer.headers["access-control-allow-origin"] == "https://viewer.test"
        asked = {
            "Origin": "https://viewer.test",
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization",
        }
        assert door.options("/studies", headers=asked).status_code == 200
        assert "access-control-allow-origin" not in door.get("/studies", headers=BEARER | {"Origin": "https://evil.test"}).headers
    with serving(store) as door:
        assert "access-control-allow-origin" not in door.get("/studies", headers={"Origin": "https://viewer.test"}).headers


def test_the_log_names_no_patient(store, caplog):
    with caplog.at_level(logging.INFO), serving(store) as door:
        here = str(door.base_url)
        with httpx.Client(base_url=here, timeout=120) as other:
            logging.getLogger("httpx").setLevel(logging.WARNING)
            other.get(f"/studies?PatientName={SECRETS[0]}*&PatientID={SECRETS[1]}&Rows={SECRETS[0]}")
            other.get(f"/studies/{SECRETS[0]}/series?PatientName={SECRETS[0]}")
            other.get(f"{first(store)}/frames/{SECRETS[0]}")
            other.get(f"/{SECRETS[0]}")
            assert other.get(f"{first(store)}/metadata").status_code == 200
            other.post("/studies", content=instance(1, PatientID="other"), headers={"Content-Type": DICOM})
            other.post("/studies", content=instance(1)[:3000], headers={"Content-Type": DICOM})
    assert "search studies" in caplog.text
    assert not [secret for secret in SECRETS if secret in caplog.text]


def test_numbers_tell_what_was_done(store):
    with serving(store) as door:
        for _ in range(3):
            door.get(f"{first(store)}/frames/1")
        door.get(f"{first(store)}/frames/9")
        found = dict(line.rsplit(" ", 1) for line in door.get("/metrics").text.splitlines() if not line.startswith("#"))
    assert found['dicompress_web_requests_total{method="GET",service="frames",status="200"}'] == "3.0"
    assert found['dicompress_web_requests_total{method="GET",service="frames",status="404"}'] == "1.0"
    assert float(found["dicompress_cache_hits_total"]) == 2
    assert float(found['dicompress_web_sent_bytes_total{service="frames"}']) > 3 * 32768
    assert not [key for key in found if SECRETS[0] in key]


def test_health_is_whether_the_index_answers(store, monkeypatch):
    with serving(store, jobs=2) as door:
        assert door.get("/health").json() == {"status": "ok", "store": "ok", "workers": 2}

        def fail(*_):
            raise FileError("the index: disk I/O error")

        monkeypatch.setattr(store, "find", fail)
        answer = door.get("/health")
        assert (answer.status_code, answer.json()["store"]) == (503, "the index: disk I/O error")
        assert door.get("/studies").status_code == 500


@pytest.mark.parametrize("form", ["raw", "packed"])
def test_what_is_damaged_is_an_error_and_never_a_picture(tmp_path, form):
    with Store.create(tmp_path / "store", text='[[rule]]\ndo = "lossless"\n') as store:
        for number in range(2):
            store.put(instance(number))
        if form == "packed":
            compress(store)
        key = min(store.storage.keys())
        assert key.startswith(form)
        place = store.storage.root / key
        data = bytearray(place.read_bytes())
        data[-1000] ^= 1
        place.write_bytes(data)
        with serving(store) as door:
            rows = store.find("INSTANCE")
            statuses = {}
            for row in rows:
                asked = [path(row, end) for end in ("", "/frames/1", "/rendered", "/thumbnail", "/metadata", "/bulkdata/7FE00010")]
                statuses[row["SOPInstanceUID"]] = {door.get(one).status_code for one in asked}
            assert sorted(map(sorted, statuses.values())) == [[200], [500]]
            damaged = next(uid for uid, found in statuses.items() if found == {500})
            assert damaged in door.get(path(next(row for row in rows if row["SOPInstanceUID"] == damaged), "/frames/1")).text
            series = path(rows[0]).partition("/instances")[0]
            metadata = door.get(f"{series}/metadata")
            assert [one["00080018"]["Value"][0] for one in metadata.json()] == ["1.2.3.0", "1.2.3.1"]
            assert damaged in metadata.headers["warning"]
            with pytest.raises((httpx.RemoteProtocolError, AssertionError)):  # broken off, or refused at once
                assert door.get(series, headers=related(DICOM, "*")).status_code != 500
        assert [row["SOPInstanceUID"] for row in store.find("INSTANCE") if row["damaged"]] == [damaged]


def test_a_worker_that_is_killed_is_replaced(store):
    with serving(store) as door:
        assert door.get(f"{first(store)}/frames/1").status_code == 200
        for child in active_children():
            os.kill(child.pid, signal.SIGKILL)
        statuses = [
            door.get(f"{first(store)}/frames/1", headers={"Accept": accept}).status_code
            for accept in ("image/jls", "image/jp2", OCTETS)
        ]
        assert statuses[1:] == [200, 200]


def test_asking_for_one_frame_of_a_series_makes_the_others_ready(store):
    with serving(store) as door:
        places = [path(row, "/frames/1") for row in store.find("INSTANCE")]
        assert door.get(places[1], headers={"Accept": "image/jphc"}).status_code == 200
        frames = door.app.state.door.frames
        end = time.monotonic() + 60
        while frames.counts.warmed < 3:
            assert time.monotonic() < end
            time.sleep(0.02)
        misses = frames.counts.misses
        assert [door.get(place, headers={"Accept": "image/jphc"}).status_code for place in places] == [200] * 4
        assert frames.counts.misses == misses


def test_a_deleted_object_is_gone_though_it_was_in_the_cache(store):
    with serving(store) as door:
        place = first(store)
        tag = door.get(f"{place}/frames/1").headers["etag"]
        store.delete(place.rpartition("/")[2])
        assert door.get(f"{place}/frames/1", headers={"If-None-Match": tag}).status_code == 404


def test_a_new_version_is_given_at_once(store):
    with serving(store) as door:
        place = first(store)
        before = door.get(f"{place}/metadata")
        store.put(instance(0, ImageComments="another"))
        after = door.get(f"{place}/metadata", headers={"If-None-Match": before.headers["etag"]})
        assert after.json()[0]["00204000"]["Value"] == ["another"]


def test_too_many_requests_at_a_time_are_told_to_come_again(store, monkeypatch):
    monkeypatch.setattr(limits, "MOST", 0)
    with serving(store) as door:
        answer = door.get("/studies")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert door.get("/health").status_code == 200


def test_urls_are_those_under_which_the_client_came(store):
    with serving(store, token=TOKEN) as door:
        port = door.base_url.port
        for headers, url in (
            ({"Host": "pacs.test"}, f"http://pacs.test:{port}/studies/"), ({"Host": "pacs.test:81"}, "http://pacs.test:81/studies/"),
            ({"Host": "pacs.test", "X-Forwarded-Proto": "https"}, "https://pacs.test/studies/"),
        ):  # fmt: skip
            assert door.get("/studies", headers=BEARER | headers).json()[0]["00081190"]["Value"][0].startswith(url)
