"""What the worker of ``mandate-ledger`` does: it alone writes the ledger.

There is one such worker: a second one finds the ledger taken.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

from temporalio.client import Client

from activities.contracts import specs
from activities.health.on_record import HealthRecord
from activities.ledger.anchoring import Anchoring
from activities.ledger.attest import AttestActivities
from activities.ledger.beside import LedgerWriter
from activities.ledger.circuit_records import CircuitRecords
from activities.ledger.circuit_standing import CircuitStanding
from activities.ledger.reconcile import ReconcileActivities
from activities.ledger.record import LedgerActivities
from activities.ledger.reuse import ReuseActivities
from activities.ledger.temporal_anchor import TemporalAnchor
from activities.plans.registration import register_catalogue
from activities.proofs.prove import ProofActivities
from activities.revocation.record import RevocationRecord
from activities.runtime.engine import ensure_reconcile_schedule
from activities.runtime.engine_health import TemporalHealth
from activities.sweep.closing import ClosingActivities
from activities.trust.evidence import Appraiser, EvidenceActivities
from activities.trust.grants import GrantActivities
from activities.trust.rebinding import RebindingActivities
from activities.workers.duties import Activity, Duties, catalogue_of
from activities.workers.health import of_ledger
from activities.workers.watched import breakers_of
from dsl.health.breakers import load_breakers
from dsl.promotion import load_criteria
from dsl.tools.folders import ToolFolders
from dsl.values.circuit_names import LEDGER
from integrations.beside import beside
from integrations.doors.key import door_key_of
from integrations.dragonfly.circuit_moves import CircuitMoves
from integrations.dragonfly.circuits import Circuits
from integrations.dragonfly.client import connect
from integrations.errors import CorruptError, UnavailableError
from integrations.ledger.anchors.named import anchors_of
from integrations.ledger.ledger import Ledger
from integrations.settings import Settings
from integrations.vault.client import Vault
from integrations.vault.login.approle import Login
from integrations.vault.signing.head_signer import HeadSigner
from integrations.vault.signing.voters import Voters

logger = logging.getLogger(__name__)


class LedgerDuties(Duties):
    """Writes the ledger, and proves what is recorded as proven; there is one such worker."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._vault = Vault.of(settings)
        self._login = Login(self._vault, settings.vault_roles, specs.QUEUE_LEDGER)
        criteria = load_criteria(settings.promotion)
        self._ledger = Ledger(settings.ledger)
        self._dragonfly = connect(settings.dragonfly_url, settings.dragonfly_password_file)
        self.circuits = self._breakers = breakers_of(settings, self._dragonfly)
        room = partial(asyncio.to_thread, self._ledger.require_room)
        self._breakers.looks(LEDGER, room)
        self._activities = LedgerActivities(
            self._ledger, self._breakers, ToolFolders(settings.tools)
        )
        self._circuits = CircuitRecords(
            self._ledger,
            Circuits(self._dragonfly),
            CircuitMoves(self._dragonfly),
            load_breakers(settings.breakers),
        )
        self._standing = CircuitStanding(self._ledger)
        voters = Voters(self._vault, self._login)
        self._proofs = ProofActivities(
            self._ledger, voters, settings.authors, door_key_of(settings.door_key_file)
        )
        appraiser = Appraiser(self._ledger, criteria)
        self._evidence = EvidenceActivities(self._ledger, appraiser)
        signer = HeadSigner(self._vault, self._login)
        self._rebindings = RebindingActivities(self._ledger, signer, settings.initial_tier)
        self._grants = GrantActivities(self._ledger, appraiser, voters, signer)
        self._revocations = RevocationRecord(self._ledger, voters)
        self._closing = ClosingActivities(self._ledger)
        self._signer = signer
        self._attesting = AttestActivities(self._ledger, settings.artifacts)
        self._reconciling = ReconcileActivities(self._ledger, settings.artifacts)
        self._reusing = ReuseActivities(self._ledger, settings.artifacts)
        self._is_on_duty = False

    def writer(self) -> LedgerWriter | None:
        """Return who answers for activities of this process; None: not before the preflight."""
        return LedgerWriter(self._activities, self._proofs) if self._is_on_duty else None

    def activities(self) -> Sequence[Activity]:
        """See base class."""
        return (
            self._activities.record,
            self._activities.authority,
            self._standing.standing,
            self._proofs.prove,
            self._evidence.evidence,
            self._grants.grant,
            self._rebindings.rebind,
            self._revocations.revoke,
            self._closing.close,
            self._attesting.attest,
            self._reconciling.reconcile,
            self._reusing.resume,
            self._reusing.reuse,
        )

    @asynccontextmanager
    async def on_duty(self, client: Client) -> AsyncIterator[None]:  # same shape for all
        """See base class."""
        settings = self._settings
        origin = settings.ledger_origin
        anchors = [TemporalAnchor(client, origin), *anchors_of(settings.anchors, origin)]
        anchoring = Anchoring(self._ledger, self._signer, anchors, origin)
        self._attesting.sign_by(anchoring)
        without = await ensure_reconcile_schedule(client)
        if without is not None:
            logger.warning("the server starts no reconciliations: %s", without)
        try:
            with suppress(UnavailableError, CorruptError):  # whoever records is told
                await anchoring.require()
            if settings.registers_catalogue:
                await register_catalogue(self._ledger, catalogue_of(settings))
            self.monitor = of_ledger(
                settings, self._dragonfly, self._vault, self._ledger, TemporalHealth(client)
            )
            record = HealthRecord(self._ledger)
            self.monitor.tells(record.heard)
            self.monitor.tells(self._breakers.deaths.heard)
            async with (
                self._breakers.running(),
                record.kept(),
                self.monitor.running(),
                beside(anchoring.keep(), self._circuits.keep()),
            ):
                self._is_on_duty = True
                yield
        finally:
            self._is_on_duty = False
            self._ledger.close()
            await self._dragonfly.aclose()
            await self._login.aclose()
            self._vault.close()
