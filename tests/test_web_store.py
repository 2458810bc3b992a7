"""STOW-RS: what is kept, what is refused and why, and nothing half."""

import socket
import time

import pytest

pytest.importorskip("fastapi")

from helpers.archive import instance
from helpers.files import pydicom_file
from helpers.web import DICOM, serving

from dicompress.errors import FileError
from dicompress.store import Store

B = "gate-7f3"
RELATED = {"Content-Type": f'multipart/related; type="{DICOM}"; boundary={B}'}


def message(*bodies: bytes, kind: str = DICOM, end: bool = True) -> bytes:
    found = b"".join(f"--{B}\r\nContent-Type: {kind}\r\n\r\n".encode() + body + b"\r\n" for body in bodies)
    return found + f"--{B}--\r\n".encode() * end


def reasons(answer) -> dict[str, list[int]]:
    """Failure reasons, by the sequence they are in."""
    names = {"00081198": "failed", "0008119A": "other"}
    found = {names[tag]: one["Value"] for tag, one in answer.json().items() if tag in names}
    return {name: [item["00081197"]["Value"][0] for item in items] for name, items in found.items()}


def references(answer) -> list[str]:
    return [item["00081155"]["Value"][0] for item in answer.json().get("00081199", {}).get("Value", [])]


@pytest.fixture
def opened(tmp_path):
    with Store.create(tmp_path / "store") as store:
        yield store


@pytest.fixture
def door(opened):
    with serving(opened, max_object=100_000, timeout=20) as client:
        yield client


def test_objects_are_kept_byte_for_byte(door, opened):
    bodies = [instance(n) for n in range(3)]
    answer = door.post("/studies", content=message(*bodies), headers=RELATED)
    assert answer.status_code == 200
    assert references(answer) == ["1.2.3.0", "1.2.3.1", "1.2.3.2"]
    assert [opened.get(uid) for uid in references(answer)] == bodies
    assert door.get(answer.json()["00081190"]["Value"][0], headers={"Accept": f"multipart/related; type={DICOM}"}).status_code == 200
    assert {row["sender"] for row in opened.find("INSTANCE")} == {"web"}


def test_a_single_object_needs_no_message_of_parts(door, opened):
    answer = door.post("/studies", content=instance(1), headers={"Content-Type": DICOM})
    assert (answer.status_code, opened.get("1.2.3.1")) == (200, instance(1))


def test_bodies_may_come_in_pieces_of_any_size_and_hold_what_looks_like_a_boundary(door, opened):
    data = instance(1, ImageComments=f"\r\n--{B[:-1]}\r\n--")
    body = message(data)
    answer = door.post("/studies", content=(body[at : at + 7] for at in range(0, len(body), 7)), headers=RELATED)
    assert (answer.status_code, opened.get("1.2.3.1")) == (200, data)


def test_the_same_object_again_is_fine_and_another_of_its_uid_is_a_version_and_told(door, opened):
    for _ in range(2):
        answer = door.post("/studies", content=message(instance(1)), headers=RELATED)
        assert (answer.status_code, "warning" in answer.headers) == (200, False)
    answer = door.post("/studies", content=message(instance(1, PatientID="other")), headers=RELATED)
    assert (answer.status_code, references(answer)) == (200, ["1.2.3.1"])
    assert "version 2" in answer.headers["warning"]


def test_some_that_fail_do_not_harm_the_others(door, opened):
    answer = door.post("/studies", content=message(instance(1), b"nonsense", instance(2)[:-500], instance(3)), headers=RELATED)
    assert (answer.status_code, references(answer)) == (202, ["1.2.3.1", "1.2.3.3"])
    assert reasons(answer) == {"other": [0xC000, 0xC000]}
    assert len(opened.find("INSTANCE")) == 2


def test_objects_of_another_study_are_refused(door, opened):
    study = "1.3.6.1.4.1.5962.1.2.1.20040119072730.12322"
    answer = door.post(f"/studies/{study}", content=message(instance(1), instance(2, StudyInstanceUID="1.9")), headers=RELATED)
    assert (answer.status_code, references(answer), reasons(answer)) == (202, ["1.2.3.1"], {"failed": [0xA900]})
    answer = door.post("/studies/1.7", content=message(instance(4)), headers=RELATED)
    assert (answer.status_code, reasons(answer)) == (409, {"failed": [0xA900]})
    assert answer.json()["00081198"]["Value"][0]["00081155"]["Value"] == ["1.2.3.4"]


def test_too_large_objects_are_refused_while_they_come(door, opened):
    large = instance(1) + bytes(100_000)
    answer = door.post("/studies", content=message(large, instance(2)), headers=RELATED)
    assert (answer.status_code, references(answer), reasons(answer)) == (202, ["1.2.3.2"], {"other": [0xA700]})
    assert "max_object" in answer.headers["warning"]
    assert door.post("/studies", content=message(large), headers=RELATED).status_code == 413
    assert door.post("/studies", content=large, headers={"Content-Type": DICOM}).status_code == 413


def test_more_than_there_is_room_for_is_refused_and_the_room_is_free_again(door, opened):
    room = door.app.state.door.room
    room.most = 50_000
    answer = door.post("/studies", content=message(*(instance(n) + bytes(n * 30_000) for n in (0, 1, 2))), headers=RELATED)
    assert (answer.status_code, references(answer), reasons(answer)) == (202, ["1.2.3.0"], {"other": [0xA700, 0xA700]})
    assert "send it again" in answer.headers["warning"]
    assert room.used == 0
    assert door.post("/studies", content=instance(5) + bytes(30_000), headers={"Content-Type": DICOM}).status_code == 503
    assert door.post("/studies", content=b"--" + message(instance(6)), headers=RELATED).status_code == 400
    assert room.used == 0


def test_a_message_that_is_cut_short_keeps_what_came_whole_and_tells(door, opened):
    answer = door.post("/studies", content=message(instance(1), instance(2), end=False)[:-30], headers=RELATED)
    assert (answer.status_code, references(answer), reasons(answer)) == (202, ["1.2.3.1"], {"other": [0x0110]})
    assert "cut short" in answer.headers["warning"]


def speak(door, body: bytes) -> socket.socket:
    """A connection on which a message is sent that says it is longer than it is."""
    connection = socket.create_connection((door.base_url.host, door.base_url.port), timeout=60)
    head = f"POST /studies HTTP/1.1\r\nHost: localhost\r\nContent-Type: {RELATED['Content-Type']}\r\nContent-Length: {len(body) + 100}\r\n\r\n"
    connection.sendall(head.encode() + body)
    return connection


def test_who_falls_silent_is_given_up_and_what_came_whole_is_kept(opened):
    with serving(opened, timeout=0.5) as door, speak(door, message(instance(1), instance(2), end=False)[:-30]) as connection:
        assert connection.recv(1000).startswith(b"HTTP/1.1 408 ")
        assert [row["SOPInstanceUID"] for row in opened.find("INSTANCE")] == ["1.2.3.1"]
        assert door.app.state.door.room.used == 0


def test_who_goes_away_leaves_what_came_whole(door, opened):
    speak(door, message(instance(1), instance(2), end=False)[:-30]).close()
    end = time.monotonic() + 60
    while not opened.find("INSTANCE") or door.app.state.door.room.used:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert [row["SOPInstanceUID"] for row in opened.find("INSTANCE")] == ["1.2.3.1"]


def test_a_disk_that_is_full_is_told_and_nothing_is_acknowledged(door, opened, monkeypatch):
    def full(*_):
        raise FileError("No space left on device")

    monkeypatch.setattr(type(opened.storage), "write", full)
    answer = door.post("/studies", content=message(instance(1)), headers=RELATED)
    assert (answer.status_code, reasons(answer)) == (503, {"failed": [0xA700]})
    assert "No space left" in answer.headers["warning"]
    assert opened.find("INSTANCE") == []


@pytest.mark.parametrize(
    "kind, body, status",
    [
        ("image/jpeg", b"", 415), (f"multipart/related; type=application/dicom+json; boundary={B}", b"", 415), ("", b"", 415),
        (f"multipart/related; type={DICOM}", message(b"x"), 400), (RELATED["Content-Type"], b"nonsense", 400), (RELATED["Content-Type"], message(), 400),
        (RELATED["Content-Type"], message(b"x", kind="image/jpeg"), 409), (DICOM, b"", 409),
    ],
)  # fmt: skip
def test_what_is_no_such_message_is_refused(door, opened, kind, body, status):
    answer = door.post("/studies", content=body, headers={"Content-Type": kind} if kind else {})
    assert answer.status_code == status, answer.text
    assert opened.find("INSTANCE") == []


def test_answers_are_json_only(door, opened):
    answer = door.post("/studies", content=message(instance(1)), headers=RELATED | {"Accept": "application/dicom+xml"})
    assert (answer.status_code, opened.find("INSTANCE")) == (406, [])


def test_every_kind_of_object_is_taken(door, opened):
    names = ["test-SR.dcm", "rtplan.dcm", "MR_small_bigendian.dcm", "image_dfl.dcm", "SC_rgb_jpeg_dcmtk.dcm", "JPEG2000.dcm"]
    bodies = [pydicom_file(name) for name in names]
    answer = door.post("/studies", content=message(*bodies), headers=RELATED)
    assert answer.status_code == 200
    assert [opened.get(uid) for uid in references(answer)] == bodies
