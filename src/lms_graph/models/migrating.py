"""Tortoise's migrations, without what they do in vain.

Before each operation Tortoise makes all models anew, as they were before it, and few operations look at them; after each it makes the queries of all models anew, and few have changed.
That is nine tenths of the time that a new database takes.
"""

from typing import Any

from tortoise import Tortoise
from tortoise.connection import ConnectionHandler, get_connection
from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.schema_generator.state import State
from tortoise.migrations.schema_generator.state_apps import StateApps
from tortoise.models import Model


async def migrate(config: dict[str, Any]) -> None:
    """Apply what is not applied yet of the one app of the configuration."""
    await Tortoise.init(config=config, init_connections=False)
    (app,) = config["apps"].values()
    await _Executor(get_connection(app["default_connection"]), config["apps"]).migrate()


class _Executor(MigrationExecutor):
    async def _project_state(self, *arguments: Any, **options: Any) -> State:
        state = await super()._project_state(*arguments, **options)
        apps = _Apps(state.apps._default_connections, state.apps._connections)
        apps.apps = state.apps.apps
        return _State(state.models, apps)


class _State(State):
    """Its copies have their models made when somebody asks for them."""

    def clone(self) -> State:
        return _Copy({key: model.clone() for key, model in self.models.items()}, self.apps)


class _Apps(StateApps):
    """A model that changes is made anew, and so are those that refer to it: the queries of the others stay as they are."""

    def __init__(self, default_connections: dict[str, str] | None = None, connections: ConnectionHandler | None = None) -> None:
        super().__init__(default_connections, connections)
        self._built: set[type[Model]] = set()

    def _build_initial_querysets(self) -> None:
        everything = self.apps
        self.apps = {label: {name: model for name, model in app.items() if model not in self._built} for label, app in everything.items()}
        try:
            super()._build_initial_querysets()
            self._built.update(model for app in self.apps.values() for model in app.values() if model._meta._inited)
        finally:
            self.apps = everything


class _Copy(State):
    _made: StateApps | None = None

    @property
    def apps(self) -> StateApps:
        if self._made is None:
            self._made = self._of.clone(model_states=self.models)
        return self._made

    @apps.setter
    def apps(self, of: StateApps) -> None:
        self._of = of
