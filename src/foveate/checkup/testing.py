"""The checks as tests of pytest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar, final

from torch import nn

from foveate.checkup._target import Target
from foveate.checkup.examining import Examination, chosen
from foveate.checkup.registry import CHECKS
from foveate.records import Finding

__all__ = ["BoundCheck", "parametrize_with_checks"]

Test = TypeVar("Test", bound=Callable[..., Any])


@final
@dataclass(frozen=True)
class BoundCheck:
    """One check of one block, for a test to call.

    Attributes:
        name: Of the check.
        title: What the test is called.
        examination: Works the findings out once for all tests of the block.
    """

    name: str
    title: str
    examination: Callable[[], Examination]

    def finding(self) -> Finding:
        """Return what the check finds."""
        return self.examination().finding(self.name)

    def __call__(self) -> None:
        """Fail the test if the check fails; skip it if it could not be run.

        Raises:
            AssertionError: The check failed; the message says why and what would help.
        """
        import pytest

        # pytest then shows the finding and not this code
        __tracebackhide__ = True
        finding = self.finding()
        if finding.outcome == "failed":
            raise AssertionError(str(finding))
        if finding.outcome == "not run":
            pytest.skip(finding.cause)


def parametrize_with_checks(
    targets: Iterable[str | Callable[..., nn.Module] | Target],
    *,
    channels: int = 64,
    checks: Iterable[str] | None = None,
) -> Callable[[Test], Test]:
    """Return a decorator that runs a test with each check of each block.

    Args:
        targets: Blocks as ``doctor`` takes them, or a ``Target`` where one needs
            options, several inputs or a size.
        channels: Channels of those that are no ``Target``.
        checks: Names of the only checks to run.

    Raises:
        OptionError: A check has no such name.

    Example:
        In a test file of yours::

            from foveate.checkup import Target, parametrize_with_checks

            @parametrize_with_checks([MyBlock, Target(MyFusion, inputs=2)])
            def test_keeps_its_promises(check):
                check()
    """
    import pytest

    wanted = chosen(checks)
    bound = [
        BoundCheck(check.name, f"{title}-{check.name}", examination)
        for target in targets
        for title, examination in [_examination(target, channels)]
        for check in CHECKS
        if check.name in wanted
    ]
    return pytest.mark.parametrize("check", bound, ids=lambda found: found.title)


def _examination(
    target: str | Callable[..., nn.Module] | Target, channels: int
) -> tuple[str, Callable[[], Examination]]:
    whole = target if isinstance(target, Target) else Target(target, channels=channels)
    block: Any = whole.block
    title = block if isinstance(block, str) else getattr(block, "__name__", repr(block))
    # found when the first test runs, so that collecting tests stays quick
    return title, cache(lambda: Examination(whole))
