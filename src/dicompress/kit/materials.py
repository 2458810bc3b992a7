"""The bill of materials of a kit: CycloneDX 1.6, as JSON."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import Distribution
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, LicenseAcknowledgement, LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.spdx import fixup_id, is_expression
from packageurl import PackageURL

Wheels = dict[str, tuple[Distribution, frozenset[str], Path]]  # by canonical name: what is installed, what that needs, its wheel


def bill(wheels: Wheels, of: str) -> str:
    """JSON. of: the name of what the kit is for; all others are its components. The time is SOURCE_DATE_EPOCH, if that is set."""
    components = {name: _component(name, package, wheel) for name, (package, _, wheel) in wheels.items()}
    main = components[of]
    main.type = ComponentType.APPLICATION
    digests = ":".join(sha256(wheel) for _, _, wheel in wheels.values())
    bom = Bom(
        serial_number=uuid5(NAMESPACE_URL, f"{main.purl}#{digests}"),  # equal kits have equal bills
        metadata=BomMetaData(component=main, timestamp=_time()),
        components=[component for name, component in components.items() if name != of],
    )
    for name, (_, needs, _) in wheels.items():
        bom.register_dependency(components[name], [components[other] for other in sorted(needs)])
    return JsonV1Dot6(bom).output_as_string(indent=2)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def licences(package: Distribution) -> list[str]:
    """As its metadata say: an SPDX expression, else a name, else what its classifiers call it."""
    says = package.metadata.json
    expression, name = says.get("license_expression"), str(says.get("license", "")).strip()
    if expression:
        return [str(expression)]
    if name and "\n" not in name and len(name) < 100:  # some have the whole text there
        return [name]
    classified = [c.rpartition(" :: ")[2] for c in says.get("classifier", []) if c.startswith("License :: ")]
    return [c for c in classified if c != "OSI Approved"]


def _component(name: str, package: Distribution, wheel: Path) -> Component:
    return Component(
        type=ComponentType.LIBRARY,
        name=package.name,
        version=package.version,
        bom_ref=f"{name}@{package.version}",
        description=str(package.metadata.json.get("summary", "")),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256(wheel))],
        licenses=_licences(licences(package)),
        purl=PackageURL("pypi", name=name, version=package.version),
        properties=[Property(name="dicompress:wheel", value=wheel.name)],
    )


def _licences(found: Iterable[str]) -> list[DisjunctiveLicense | LicenseExpression]:
    declared = LicenseAcknowledgement.DECLARED
    result: list[DisjunctiveLicense | LicenseExpression] = []
    for text in found:
        spdx = fixup_id(text) or fixup_id(re.sub(" [Ll]icense$", "", text))
        if spdx:
            result.append(DisjunctiveLicense(id=spdx, acknowledgement=declared))
        elif is_expression(text):
            return [LicenseExpression(text, acknowledgement=declared)]  # which stands alone
        else:
            result.append(DisjunctiveLicense(name=text, acknowledgement=declared))
    return result


def _time() -> datetime:
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    return datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
