"""C-ECHO and C-STORE: everything is kept as it came, by whoever sends it; what is refused says why; no peer takes what others need."""

import random
import socket
import ssl
import struct
import threading
import time

import pytest
from helpers.archive import instance, rows
from helpers.files import pydicom_file, read
from helpers.gateway import (
    CALLER,
    HOST,
    TITLE,
    announced,
    associated,
    body,
    certificate,
    made,
    opened,
    read_uids,
    run,
    send,
    served,
    until,
)
from helpers.store import dcmtk
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import build_context
from pynetdicom.pdu import A_ASSOCIATE_RQ
from pynetdicom.sop_class import Verification

from dicompress.dicom import compress_file, restore_file
from dicompress.dicom.part10 import parse
from dicompress.errors import FileError
from dicompress.server.dimse import wire
from dicompress.server.dimse.storing import IMPLEMENTATION
from dicompress.server.serve import tls_context
from dicompress.server.settings import Settings
from dicompress.store import Store
from dicompress.store.attributes import attributes

# A SOP Instance UID, a private creator, and an element of undefined length without its delimiter.
UNDEFINED = b"\x08\0\x18\0UI\4\0001.2\0" + b"\x09\0\x10\0LO\4\0TEST" + b"\x09\0\1\x10OB\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\4\0\0\0abcd"
FILES = [
    "CT_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "image_dfl.dcm", "MR_small_RLE.dcm", "JPEG2000.dcm", "JPEG-lossy.dcm",
    "SC_rgb_jpeg_dcmtk.dcm", "reportsi.dcm", "rtplan.dcm", "waveform_ecg.dcm",
]  # fmt: skip


@pytest.fixture
def door(tmp_path):
    with opened(tmp_path / "store", max_object=2_000_000) as door:
        yield door


@pytest.mark.parametrize("name", FILES)
def test_data_sets_are_stored_byte_for_byte_in_the_syntax_they_came_in(door, tmp_path, name):
    file = announced(pydicom_file(name))
    assert [status.Status for status in send(door.port, tmp_path, file, title="CT1")] == [0]
    (row,) = rows(door.store)
    stored = door.store.get(row.SOPInstanceUID)
    assert body(stored) == body(file) and row.sender == "CT1"
    meta = read(stored).file_meta
    assert (meta.TransferSyntaxUID, meta.ImplementationClassUID) == (read(file).file_meta.TransferSyntaxUID, IMPLEMENTATION)


@pytest.mark.parametrize(
    "sop_class, syntax", [("1.2.826.0.1.3680043.9.7.1", None), (None, "1.2.826.0.1.3680043.9.7.2"), ("1.2.840.10008.9.9.9", None)]
)
def test_sop_classes_and_transfer_syntaxes_that_nobody_knows_are_stored_too(door, tmp_path, sop_class, syntax):
    file = made(**({"SOPClassUID": sop_class} if sop_class else {}))
    sent = announced(file, TransferSyntaxUID=UID(syntax or ExplicitVRLittleEndian))
    assert [status.Status for status in send(door.port, tmp_path, sent)] == [0]
    (row,) = rows(door.store)
    assert (row.SOPClassUID, row.TransferSyntaxUID) == (sop_class or CTImageStorage, syntax or ExplicitVRLittleEndian)
    assert body(door.store.get(row.SOPInstanceUID)) == body(file)


def test_ours_is_stored_as_it_came_and_restores_the_file_it_was_made_of(door, tmp_path):
    file = pydicom_file()
    packed = compress_file(file).data
    assert send(door.port, tmp_path, packed)[0].Status == 0
    stored = door.store.get(read_uids(file)[1])
    assert body(stored) == body(packed)
    assert restore_file(stored).data == file


def test_an_object_that_is_sent_again_stays_one_whoever_sends_it(door, tmp_path):
    file = made()
    for title in ("CT1", "CT2"):
        assert send(door.port, tmp_path, file, file, title=title)[1].Status == 0
    assert len(rows(door.store)) == 1
    assert send(door.port, tmp_path, made(PatientID="other"))[0].Status == 0
    assert [row.version for row in rows(door.store)] == [1, 2]


def test_what_is_refused_says_why_and_the_next_object_is_taken(door, tmp_path, monkeypatch):
    good, large = made(1), made(2, PixelData=bytes(4_000_000))
    garbage = made(3)[: -len(body(made(3)))] + b"\x08\0\x18\0UI\xff\xff" + b"1.2.3.3"
    other = announced(instance(4), MediaStorageSOPInstanceUID="1.2.3.5")
    refused = send(door.port, tmp_path, large, garbage, other, good)
    assert [f"{status.Status:04X}" for status in refused] == ["A700", "C000", "A900", "0000"]
    assert refused[0].ErrorComment.startswith("larger than 2000000 bytes")
    assert "1.2.3.4" in refused[2].ErrorComment
    assert [row.SOPInstanceUID for row in rows(door.store)] == ["1.2.3.1"]

    def full(*_):
        raise FileError("cannot write objects/raw/x: No space left on device")

    monkeypatch.setattr(door.store.storage, "write", full)
    (status,) = send(door.port, tmp_path, made(6))
    assert f"{status.Status:04X}" == "A700" and "No space left" in status.ErrorComment


def test_what_is_cut_short_is_refused_and_what_is_whole_is_not_whichever_threads_read(door):
    cut = made(1)[: -len(body(made(1)))] + UNDEFINED
    whole = cut + b"\xfe\xff\xdd\xe0\0\0\0\0"
    refused: list[int] = []

    def read_often(data, expected) -> None:
        for _ in range(100):
            try:
                attributes(parse(data))
                refused.append(0 - expected)
            except FileError as error:
                refused.append(("cut short" in str(error)) - expected)

    threads = [threading.Thread(target=read_often, args=(data, data is cut)) for data in (cut, whole, cut, whole)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == [0] * 400


def test_too_large_objects_are_dropped_while_they_arrive(door, tmp_path, monkeypatch):
    seen = []
    write = wire.TooLarge.write
    monkeypatch.setattr(wire.TooLarge, "write", lambda self, data: seen.append(len(data)) or write(self, data))
    assert send(door.port, tmp_path, made(PixelData=bytes(8_000_000)))[0].Status == 0xA700
    assert sum(seen) > 5_000_000
    assert not door.limits.sizes


def test_dcmtk_is_answered_by_name_only(door):
    run(dcmtk("echoscu"), "-aec", TITLE, HOST, door.port)
    assert "Called AE Title Not Recognized" in run(dcmtk("echoscu"), "-aec", "ARCHIVE", HOST, door.port, check=False)


@pytest.mark.parametrize("option, name", [
    ("-xe", "CT_small.dcm"), ("-xi", "MR_small_implicit.dcm"), ("-xb", "MR_small_bigendian.dcm"), ("-xd", "image_dfl.dcm"),
    ("-xr", "MR_small_RLE.dcm"), ("-xw", "JPEG2000.dcm"), ("-xy", "SC_rgb_jpeg_dcmtk.dcm"), ("-xx", "JPEG-lossy.dcm"),
])  # fmt: skip
def test_dcmtk_stores_in_each_syntax_that_it_has(door, tmp_path, option, name):
    file = pydicom_file(name)
    (tmp_path / "sent.dcm").write_bytes(file)
    run(dcmtk("storescu"), option, "-aec", TITLE, HOST, door.port, tmp_path / "sent.dcm")
    (row,) = rows(door.store)
    assert row.TransferSyntaxUID == read(file).file_meta.TransferSyntaxUID
    stored, sent = read(door.store.get(row.SOPInstanceUID)), read(file)
    assert stored.get("PixelData") == sent.get("PixelData") and stored.SOPInstanceUID == sent.SOPInstanceUID


def test_more_associations_than_are_allowed_are_refused_for_now(tmp_path):
    with opened(tmp_path / "store", max_associations=2) as door:
        context = build_context(Verification)
        with associated(door.port, context) as one, associated(door.port, context) as two, associated(door.port, context) as three:
            assert one.is_established and two.is_established and three.is_rejected
        until(lambda: not door.ae.active_associations)
        with associated(door.port, context) as again:
            assert again.send_c_echo().Status == 0


def test_connections_beyond_twice_that_are_closed_at_once(tmp_path):
    with opened(tmp_path / "store", max_associations=1, timeout=3.0) as door:
        silent = [socket.create_connection((HOST, door.port)) for _ in range(2)]
        until(lambda: len(door.ae.active_associations) == 2)
        with socket.create_connection((HOST, door.port)) as third:
            third.settimeout(20)
            assert third.recv(1) == b""
        for one in silent:
            one.close()
        until(lambda: not door.ae.active_associations)
        with associated(door.port, build_context(Verification)) as again:
            assert again.is_established


def test_what_is_being_stored_when_the_door_closes_is_stored_and_acknowledged(tmp_path, monkeypatch):
    begun, keep, answers = threading.Event(), Store.keep, []

    def slowly(*arguments):
        begun.set()
        time.sleep(1)
        return keep(*arguments)

    monkeypatch.setattr(Store, "keep", slowly)
    with opened(tmp_path / "store") as door:
        sender = threading.Thread(target=lambda: answers.extend(send(door.port, tmp_path, made())))
        sender.start()
        begun.wait(60)
    sender.join(60)
    assert [answer.Status for answer in answers] == [0]
    with Store(tmp_path / "store") as store:
        assert len(rows(store)) == 1


def test_a_peer_that_is_silent_is_given_up(tmp_path):
    with opened(tmp_path / "store", timeout=1.0) as door:
        with socket.create_connection((HOST, door.port)) as silent:
            silent.settimeout(60)
            assert silent.recv(100)[:1] in (b"", b"\x07")  # A-ABORT
        with associated(door.port, build_context(Verification)) as idle:
            until(lambda: idle.is_aborted)


@pytest.mark.parametrize("kind, length", [(1, 1 << 31), (4, 1 << 30), (9, 100)])
def test_headers_that_promise_too_much_end_the_connection(door, kind, length):
    with socket.create_connection((HOST, door.port)) as peer:
        peer.settimeout(60)
        peer.sendall(struct.pack(">BBL", kind, 0, length))
        assert peer.recv(100)[:1] in (b"", b"\x07")
    with associated(door.port, build_context(Verification)) as after:
        assert after.send_c_echo().Status == 0


def test_bytes_that_make_no_sense_harm_nobody_else(tmp_path):
    chance, sent = random.Random(7), []
    with opened(tmp_path / "store", timeout=1.0) as door:
        with associated(door.port, build_context(Verification)) as association:
            write = association.dul.socket.send
            sent.append(pdu_of(association))
            association.dul.socket.send = lambda data: sent.append(bytes(data)) or write(data)
            assert association.send_c_echo().Status == 0
        valid = b"".join(sent)
        for _ in range(60):
            bad = bytearray(valid)
            for _ in range(chance.randint(1, 8)):
                bad[chance.randrange(len(bad))] = chance.choice((0, 1, 127, 255, chance.randrange(256)))
            with socket.create_connection((HOST, door.port)) as peer:
                peer.sendall(bad[: chance.randint(1, len(bad))])
        until(lambda: not door.ae.active_associations)
        assert send(door.port, tmp_path, made())[0].Status == 0
        assert len(rows(door.store)) == 1


def pdu_of(association) -> bytes:
    """The A-ASSOCIATE-RQ that it sent."""
    pdu = A_ASSOCIATE_RQ()
    pdu.from_primitive(association.requestor.primitive)
    return pdu.encode()


def test_who_sends_on_without_waiting_for_answers_is_given_up(door, monkeypatch):
    monkeypatch.setattr(wire, "MAX_WAITING", 2)
    with associated(door.port, build_context(Verification)) as association:
        raw = association.dul.socket.socket
        command = (
            b"\0\0\2\0\x12\0\0\0"
            + b"1.2.840.10008.1.1\0"
            + b"\0\0\0\1\2\0\0\0\x30\0"
            + b"\0\0\x10\1\2\0\0\0\1\0"
            + b"\0\0\0\x08\2\0\0\0\1\1"
        )
        command = b"\0\0\0\0\4\0\0\0" + struct.pack("<L", len(command)) + command
        item = struct.pack(">LBB", len(command) + 2, 1, 3) + command
        with door.running():
            try:
                raw.sendall(200 * (struct.pack(">BBL", 4, 0, len(item)) + item))
            except OSError:
                pass  # given up already
        until(lambda: not association.is_established)


def test_tls_with_dcmtk_and_a_silent_connection_keeps_nobody_waiting(tmp_path):
    pem, key = certificate(tmp_path)
    context = tls_context(Settings(certificate=pem, key=key, authorities=pem))
    with opened(tmp_path / "store", context=context, timeout=20.0) as door, socket.create_connection((HOST, door.port)):
        run(dcmtk("echoscu"), "+tls", key, pem, "+cf", pem, "-aec", TITLE, "localhost", door.port)
        text = run(dcmtk("echoscu"), "-to", "5", "-ta", "5", "-aec", TITLE, HOST, door.port, check=False)
        assert "Failed" in text
        plain = ssl.create_default_context(cafile=pem)
        with associated(door.port, build_context(Verification), tls_args=(plain, "localhost")) as nobody:
            assert not nobody.is_established or nobody.send_c_echo() == {}


def test_serve_stops_when_it_is_told_and_what_it_stored_is_there(tmp_path):
    Store.create(tmp_path / "store").close()
    file = instance()
    (tmp_path / "sent.dcm").write_bytes(file)
    with served(tmp_path / "store") as port:
        run(dcmtk("storescu"), "-aec", TITLE, "-aet", CALLER, HOST, port, tmp_path / "sent.dcm")
    with Store(tmp_path / "store") as store:
        assert read(store.get("1.2.3.1")).PixelData == read(file).PixelData
        assert "put" in store.config.audit.read_text() and rows(store)[0].sender == CALLER


def test_storage_contexts_are_accepted_with_the_first_syntax_that_is_proposed(door):
    with associated(door.port, build_context(CTImageStorage, ["1.2.840.10008.1.2.4.90", ExplicitVRLittleEndian])) as association:
        assert association.accepted_contexts[0].transfer_syntax == ["1.2.840.10008.1.2.4.90"]
