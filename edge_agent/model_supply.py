"""Gets the model that the settings ask for, and hands it to the worker."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from edge_agent.errors import AgentError, DownloadError
from edge_agent.inference import InferenceWorker
from edge_agent.models import ResolvedModel, is_here, resolve
from edge_agent.models.fetch import Order, fetch
from edge_agent.settings import InferenceSettings, ModelSettings

log = logging.getLogger(__name__)

FIRST_PAUSE_S, LAST_PAUSE_S = 60.0, 6 * 3600.0


class ModelSupply:
    """Blocks nobody while it downloads. A hub that can't be reached is asked again, in ever longer pauses.

    Until then another model answers, where one is here.
    """

    name = "model supply"

    def __init__(
        self,
        settings: ModelSettings,
        state_dir: Path,
        memory_bytes: int,
        worker: InferenceWorker,
        on_change: Callable[[], None],
        run_as: Callable[[Path], InferenceSettings],
    ) -> None:
        """`run_as` says how a model is to run on this board."""
        self._run_as = run_as
        self._settings, self._state_dir, self._memory_bytes = settings, state_dir, memory_bytes
        self._worker, self._on_change = worker, on_change
        self.model: ResolvedModel | None = None
        self.download_percent: int | None = None

    async def serve(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not await self._supply():
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LAST_PAUSE_S)

    async def _supply(self) -> bool:
        """Whether the worker has, or can never have, what was asked for."""
        try:
            model = await self._resolve()
        except DownloadError as error:
            self._refuse(error)
            return False
        except AgentError as error:
            self._refuse(error)
            return True
        finally:
            self.download_percent = None
        if self.model is None or model.path != self.model.path:
            self._use(model)
        return model.warning is None

    async def _resolve(self) -> ResolvedModel:
        wanted = self._settings, self._state_dir, self._memory_bytes
        if await asyncio.to_thread(is_here, *wanted):
            return await asyncio.to_thread(resolve, *wanted)
        return await fetch(Order(*wanted), self._on_progress)

    def _on_progress(self, done_bytes: int, total_bytes: int) -> None:
        """Only whole percents are worth a Status."""
        percent = 100 * done_bytes // max(total_bytes, 1)
        if percent != self.download_percent:
            self.download_percent = percent
            self._on_change()

    def _refuse(self, error: AgentError) -> None:
        if self.model is None:
            log.error("%s", error)
            self._worker.refuse(str(error))

    def _use(self, model: ResolvedModel) -> None:
        self.model = model
        if model.warning:
            log.warning("%s", model.warning)
        self._worker.use(model.path, self._run_as(model.path))
