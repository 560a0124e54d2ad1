"""The loaders of one operation: `loaders.<area>.<name>`. They cache for their whole life, so each operation and each event gets new ones."""

from functools import cached_property

from lms_graph.context import Context
from lms_graph.dataloaders.certificates import CertificatesLoaders
from lms_graph.dataloaders.tenancy import TenancyLoaders


class Loaders:
    def __init__(self, context: Context) -> None:
        self._context = context

    @cached_property
    def certificates(self) -> CertificatesLoaders:
        return CertificatesLoaders(self._context)

    @cached_property
    def tenancy(self) -> TenancyLoaders:
        return TenancyLoaders(self._context)
