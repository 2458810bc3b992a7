"""Settings of a gateway: what is said twice, makes no sense, or opens a door by mistake is told before anything starts."""

from pathlib import Path

import pytest
from helpers.gateway import HOST

from dicompress.cli import main
from dicompress.errors import FileError
from dicompress.server import settings
from dicompress.server.serve import tls_context
from dicompress.server.settings import Peer, Settings
from dicompress.store import Store

FULL = """
[serve]
aet = "ARCHIVE"
dicom_port = 104
token = "secret"
certificate = "tls/cert.pem"
key = "/etc/key.pem"
max_object = "500 MB"
timeout = "5 min"
cache = "1 GB"

[[peer]]
aet = "WARD7"
host = "10.0.0.7"
port = 11112

[[peer]]
aet = "OTHER"
host = "other.example"
port = 104
tls = true
private = true
"""


def load(folder: Path, text: str = "", **options) -> Settings:
    (folder / "serve.toml").write_text(text)
    return settings.load(folder, **options)


def test_without_a_file_only_this_machine_is_answered(tmp_path):
    found = settings.load(tmp_path)
    assert (found.host, found.dicom_port, found.web_port, found.aet, found.token, found.peers) == (
        HOST,
        11112,
        8042,
        "DICOMPRESS",
        None,
        {},
    )
    assert (
        found.is_local
        and not Settings(host="0.0.0.0").is_local
        and Settings(host="::1").is_local
        and Settings(host="localhost").is_local
    )


def test_the_file_is_read_and_options_win(tmp_path):
    found = load(tmp_path, FULL, dicom_port=11113, host="0.0.0.0", web_port=None)
    assert (found.aet, found.dicom_port, found.host, found.web_port) == ("ARCHIVE", 11113, "0.0.0.0", 8042)
    assert (found.max_object, found.timeout, found.cache, found.token) == (500_000_000, 300, 10**9, "secret")
    assert (found.certificate, found.key) == (tmp_path / "tls/cert.pem", Path("/etc/key.pem"))
    assert found.peers == {"WARD7": Peer("10.0.0.7", 11112), "OTHER": Peer("other.example", 104, True, True)}


def test_a_token_in_the_environment_wins(tmp_path, monkeypatch):
    monkeypatch.setenv("DICOMPRESS_TOKEN", "other")
    assert load(tmp_path, FULL).token == "other"


@pytest.mark.parametrize("text, message", [
    ("[serve]\nprot = 1", "prot is no setting; there are aet, authorities"), ("[server]\n", r"it has \[serve\] and \[\[peer\]\], not server"),
    ("[serve]\ndicom_port = '104'", "dicom_port = '104' is no number"), ("[serve]\nmax_associations = 0", "max_associations = 0"),
    ("[serve]\naet = 'A TITLE THAT IS TOO LONG'", "is no AE title"), ("[serve]\ntoken = 7", "token = 7 is no text"),
    ("[serve]\nmax_object = 'much'", "is not a size"), ("[[peer]]\naet = 'A'\nhost = 'b'", "a .*peer.* has aet, host, port"),
    ("[[peer]]\naet = 'A'\nhost = 'b'\nport = true", "port = True"), ("[[peer]]\naet = 'Ä'\nhost = 'b'\nport = 1", "is no AE title"),
    ("[serve]\ncertificate = 'c'", "TLS takes both"), ("[serve]\nauthorities = 'c'", "goes with certificate and key"),
    ("[serve]\nhost = '0.0.0.0'", "set a token"), ("[serve", "cannot be read"),
])  # fmt: skip
def test_what_makes_no_sense_is_told(tmp_path, text, message):
    with pytest.raises(FileError, match=message):
        load(tmp_path, text)


def test_certificates_that_cannot_be_read_are_told(tmp_path):
    with pytest.raises(FileError, match="certificate, key or authorities cannot be read"):
        tls_context(Settings(certificate=tmp_path / "none", key=tmp_path / "none"))


@pytest.mark.parametrize("options, message", [
    (["--host", "0.0.0.0"], "set a token"), (["--log", "loud"], "no level of a log"), (["--aet", "TITLE\\A"], "is no AE title"),
])  # fmt: skip
def test_the_command_ends_with_one_line_and_status_1(tmp_path, capsys, monkeypatch, options, message):
    Store.create(tmp_path / "store").close()
    monkeypatch.setattr("sys.argv", ["dicompress", "serve", str(tmp_path / "store"), *options])
    with pytest.raises(SystemExit) as ended:
        main()
    captured = capsys.readouterr()
    assert ended.value.code == 1 and message in captured.err and captured.err.count("\n") == 1
