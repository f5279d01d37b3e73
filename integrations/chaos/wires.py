"""What can be done to the connections of a server of ours, by the proxy before it."""

from __future__ import annotations

from integrations.chaos.fault import Fault
from integrations.chaos.wire import CALM, Weather, WireProxy


class BadWeather(Fault):
    """The proxy treats what passes as it is told; undone by calm."""

    def __init__(self, wire: WireProxy, weather: Weather, *, resets: bool = False) -> None:
        """``resets``: every connection that is open is reset as well."""
        self._wire = wire
        self._weather = weather
        self._resets = resets
        self._was_felt = False

    async def strike(self) -> None:
        """Let it begin."""
        self._wire.set(self._weather)
        if self._resets:
            self._wire.reset_all()

    async def fired(self) -> bool:
        """Tell whether anybody felt it."""
        self._was_felt = self._was_felt or self._wire.felt > 0
        return self._was_felt

    async def undo(self) -> None:
        """Let it be calm; what was felt until then is remembered."""
        await self.fired()
        self._wire.set(CALM)
