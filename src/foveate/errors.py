"""Every error that foveate raises on purpose.

::

    FoveateError
    |-- OptionError (ValueError)         an option has a value that cannot work
    |   `-- NoTargetError                an image has nothing that was asked about
    |-- UnknownOptionError (TypeError)   an option that the block does not have
    |-- UnknownNameError (LookupError)   no block, host or data set of that name
    |-- ShapeError (ValueError)          an input of a shape or type that does not fit
    |-- ImageError (ValueError)          a file or array that is no image we can show
    |-- SiteError (ValueError)           a block cannot go to a place of a host
    |-- WeightsError (ValueError)        weights that do not fit a module
    |-- RecipeError (ValueError)         a recipe that cannot be run as written
    |-- RecordError (ValueError)         a file of ours that cannot be read
    |-- RunError (RuntimeError)          a training run that went wrong
    |-- BusyError (RuntimeError)         another process is writing to the same folder
    `-- MissingExtraError (ImportError)  an optional package is not installed

Each is also the built-in error that a caller would expect. One is a warning, which a
caller may silence or turn into an error:

::

    CostWarning (UserWarning)            something takes more memory than it may
"""

from __future__ import annotations

__all__ = [
    "BusyError",
    "CostWarning",
    "FoveateError",
    "ImageError",
    "MissingExtraError",
    "NoTargetError",
    "OptionError",
    "RecipeError",
    "RecordError",
    "RunError",
    "ShapeError",
    "SiteError",
    "UnknownNameError",
    "UnknownOptionError",
    "WeightsError",
]


class FoveateError(Exception):
    """The base of all errors of this library."""


class OptionError(FoveateError, ValueError):
    """An option has a value that cannot work."""


class NoTargetError(OptionError):
    """An image has nothing of what a map was to be made for, such as no box."""


class UnknownOptionError(FoveateError, TypeError):
    """An option was given that does not exist."""


class UnknownNameError(FoveateError, LookupError):
    """Nothing in the catalogue has that name."""


class ShapeError(FoveateError, ValueError):
    """A tensor has a shape or a type that the block does not take."""


class ImageError(FoveateError, ValueError):
    """A file or an array is no image, or one too large to look at."""


class SiteError(FoveateError, ValueError):
    """A block cannot go to the place of a host that was asked for."""


class WeightsError(FoveateError, ValueError):
    """Weights do not fit a module, or have no place in the code they are for."""


class RecipeError(FoveateError, ValueError):
    """A recipe cannot be run as it is written."""


class RecordError(FoveateError, ValueError):
    """A file that foveate should have written cannot be read."""


class RunError(FoveateError, RuntimeError):
    """A training run went wrong."""


class BusyError(FoveateError, RuntimeError):
    """Another process is writing to the same folder."""


class MissingExtraError(FoveateError, ImportError):
    """A package of an optional extra is not installed."""

    @classmethod
    def of(cls, extra: str, module: str) -> MissingExtraError:
        """Return the error that says how to install ``extra``."""
        return cls(
            f"this needs the package '{module}', which is not installed. "
            f"Install it with: pip install 'foveate[{extra}]'"
        )


class CostWarning(UserWarning):
    """Something would take more memory than it may."""
