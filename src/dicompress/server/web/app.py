"""The app of all services of the web door."""

from __future__ import annotations

from fastapi import FastAPI

from ...store import Store
from ..settings import Settings


def create_app(store: Store, settings: Settings) -> FastAPI:
    """store: open, and stays so."""
    return FastAPI()
