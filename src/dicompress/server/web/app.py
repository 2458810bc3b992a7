"""The app of all services of the web door."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, PlainTextResponse

from ...errors import DicompressError, NotStoredError, UnsupportedImageError
from ...store import Store
from ..frames import BusyError, Frames, WorkerDiedError
from ..outgoing import NoSyntaxError
from ..settings import Settings
from ..tasks import NoFrameError
from . import auth, early, frames, qido, rendered, stow, viewer, wado
from .accept import BadRequestError, NotAcceptableError
from .door import Door
from .limits import Limited, Room
from .metrics import Measured, Metrics
from .warming import Warmer
from .words import plain

LOG = logging.getLogger(__name__)
STATUSES: list[tuple[type[DicompressError], int]] = [  # the first that fits
    (BadRequestError, 400), (NotStoredError, 404), (NoFrameError, 404), (NotAcceptableError, 406), (NoSyntaxError, 406),
    (UnsupportedImageError, 406), (BusyError, 503), (stow.StalledError, 408), (WorkerDiedError, 500), (DicompressError, 500),
]  # fmt: skip


def create_app(store: Store, settings: Settings) -> FastAPI:
    """store: open, and stays so. Worker processes start when they are needed, and end with the app's lifespan."""
    work = Frames(store.config.folder, settings.jobs, settings.cache, settings.timeout)
    metrics = Metrics(work)
    door = Door(store, settings, work, metrics, Room(2 * settings.max_object))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(work.close)

    app = FastAPI(title="dicompress", lifespan=lifespan, openapi_url=None)
    app.state.door, app.state.warmer = door, Warmer(door)
    for service in (qido, wado, frames, early, rendered, stow):
        app.include_router(service.router)
    app.add_exception_handler(DicompressError, _told)

    @app.get("/health", name="health")
    async def health() -> Response:
        return await _health(door)

    @app.get("/metrics", name="metrics")
    async def numbers() -> Response:
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")

    @app.post("/login", name="login")
    async def login(request: Request) -> Response:
        return await auth.log_in(request, settings.token)

    app.include_router(viewer.lists(store, settings))
    app.include_router(viewer.pages(settings))

    if settings.token:
        app.add_middleware(auth.Guarded, token=settings.token)
    else:
        app.add_middleware(auth.Own)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=settings.origins.split(), allow_methods=["GET", "POST"], allow_headers=["*"],
            expose_headers=["Content-Range", "ETag", "Warning"],
        )  # fmt: skip
    app.add_middleware(Limited)
    app.add_middleware(Measured, metrics=metrics)
    return app


async def _told(request: Request, error: Exception) -> Response:
    status = next(status for kind, status in STATUSES if isinstance(error, kind))
    if status >= 500:
        LOG.error("%s: %s", getattr(request.scope.get("route"), "name", "none"), plain(error))
        LOG.debug("%s", error)
    return PlainTextResponse(f"{error}\n", status, {"Retry-After": "5"} if status == 503 else {})


async def _health(door: Door) -> Response:
    """200 if the index answers and there is who decodes; else 503."""
    try:
        await door.find("STUDY", {}, 1)
        trouble = None
    except DicompressError as error:
        trouble = str(error)
    workers = door.frames.alive
    well = trouble is None and workers == door.settings.jobs
    return JSONResponse({"status": "ok" if well else "failing", "store": trouble or "ok", "workers": workers}, 200 if well else 503)
