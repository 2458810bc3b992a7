"""What type checkers are told: that the package has types, and what the native module holds."""

import ast
from importlib.resources import files
from pathlib import Path

import pytest

from dicompress import native

STUBS = Path(native.__file__).parent / "native"


def test_the_package_says_that_it_has_types():
    assert (files("dicompress") / "py.typed").is_file() and (STUBS.parent / "py.typed").is_file()


@pytest.mark.parametrize("name", ["codec", "coder", "network", "pyramid"])
def test_stubs_have_what_the_native_module_has(name):
    module = getattr(native, name)
    stub = ast.parse((STUBS / f"{name}.pyi").read_text())
    defined = {node.name: node for node in stub.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    assert defined.keys() == {public for public in vars(module) if not public.startswith("_")}
    for node in ast.walk(stub):  # every parameter and result has a type, and no list is one of anything
        if isinstance(node, ast.FunctionDef):
            said = [node.returns, *(a.annotation for a in node.args.posonlyargs + node.args.args if a.arg != "self")]
            assert None not in said and not {"list", "tuple", "dict", "Any"} & {ast.unparse(a) for a in said}, node.name
