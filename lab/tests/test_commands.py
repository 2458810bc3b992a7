"""The commands that the lab adds to `dicompress`."""

import subprocess

import pytest


@pytest.mark.parametrize("command", ["bench", "train", "export"])
def test_they_are_listed_and_have_help(command):
    def told(*arguments):
        return subprocess.run(["dicompress", *arguments], capture_output=True, text=True, check=True).stdout

    assert f" {command} " in told("--help") and f" dicompress {command} " in told(command, "--help")
