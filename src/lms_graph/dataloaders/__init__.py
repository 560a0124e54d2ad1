"""The loaders of one operation: `loaders.<area>.<name>`. They cache for their whole life, so each operation and each event gets new ones."""

from functools import cached_property

from lms_graph.context import Context
from lms_graph.dataloaders.assessment import AssessmentLoaders
from lms_graph.dataloaders.catalog import CatalogLoaders
from lms_graph.dataloaders.certificates import CertificatesLoaders
from lms_graph.dataloaders.commerce import CommerceLoaders
from lms_graph.dataloaders.community import CommunityLoaders
from lms_graph.dataloaders.identity import IdentityLoaders
from lms_graph.dataloaders.learning import LearningLoaders
from lms_graph.dataloaders.payouts import PayoutsLoaders
from lms_graph.dataloaders.tenancy import TenancyLoaders


class Loaders:
    def __init__(self, context: Context) -> None:
        self._context = context

    def close(self) -> None:
        """Let go of all that was read. Nothing is asked of these loaders any more."""
        made = vars(self)
        del made["_context"]
        for area in made.values():
            vars(area).clear()
        made.clear()

    @cached_property
    def tenancy(self) -> TenancyLoaders:
        return TenancyLoaders(self._context)

    @cached_property
    def identity(self) -> IdentityLoaders:
        return IdentityLoaders(self._context)

    @cached_property
    def catalog(self) -> CatalogLoaders:
        return CatalogLoaders(self._context)

    @cached_property
    def learning(self) -> LearningLoaders:
        return LearningLoaders(self._context)

    @cached_property
    def assessment(self) -> AssessmentLoaders:
        return AssessmentLoaders(self._context)

    @cached_property
    def certificates(self) -> CertificatesLoaders:
        return CertificatesLoaders(self._context)

    @cached_property
    def commerce(self) -> CommerceLoaders:
        return CommerceLoaders(self._context)

    @cached_property
    def community(self) -> CommunityLoaders:
        return CommunityLoaders(self._context)

    @cached_property
    def payouts(self) -> PayoutsLoaders:
        return PayoutsLoaders(self._context)
