"""A folder of tests is a package: what pytest puts on the path is the checkout's root, so that `tests/web/graphql` stands in front of no library."""

from tests.architecture.sources import ROOT


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}

    assert [str(folder.relative_to(ROOT)) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []
