"""The one place where the user's own code comes in: by import path, ``my_package.graders:same_rows``."""

import importlib
import importlib.util
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import cast

from evalgate.core.errors import BadInput, Problem
from evalgate.load.syntax.suggest import did_you_mean

_IMPORT_PATH = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*(?:\.[^\W\d]\w*)*")


def import_function(path: str, root: Path) -> Callable[..., object]:
    """Return the function that ``path`` (``module:function``) names; ``root`` is importable meanwhile.

    Importing runs the module's top level. ``root`` leaves ``sys.path`` afterwards, so what the function
    itself imports when it is called must be installed.

    Raises:
        BadInput: the path is malformed, the import fails, or what it names cannot be called.

    """
    if not _IMPORT_PATH.fullmatch(path):
        raise _refusal(
            f"{path!r} is not an import path", "write module:function, as in my_package.graders:same_rows"
        )
    module_name, _, attributes = path.partition(":")
    found: object = _import(module_name, path, root)
    for attribute in attributes.split("."):
        known = [name for name in dir(found) if not name.startswith("_")]
        try:
            found = getattr(found, attribute)
        except AttributeError:
            cure = did_you_mean(attribute, known, "it has")
            raise _refusal(f"{module_name!r} has no {attributes!r}", cure) from None
    if not callable(found):
        raise _refusal(f"{path!r} is not a function but {type(found).__name__}", "name a function")
    return cast("Callable[..., object]", found)


def _import(name: str, path: str, root: Path) -> ModuleType:
    with _importable(root, name):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
                cure = f"it is looked for from {root.name or root}/, where evalgate.yaml is"
                raise _refusal(f"{path!r}: there is no module {error.name!r}", cure) from None
            raise _crash(path, name, error) from error
        # SystemExit too: a module that calls sys.exit(0) when imported must not end the gate with a pass.
        except (Exception, SystemExit) as error:
            raise _crash(path, name, error) from error


@contextmanager
def _importable(root: Path, name: str) -> Iterator[None]:
    _forget_other_projects(root, name.partition(".")[0])
    importlib.invalidate_caches()
    entry = str(root)
    sys.path.insert(0, entry)
    writes_no_bytecode = sys.dont_write_bytecode
    # Bytecode is told apart by second and size: a module edited twice within a second would run as it was.
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.path.remove(entry)
        sys.dont_write_bytecode = writes_no_bytecode


def _forget_other_projects(root: Path, top: str) -> None:
    """Drop an imported module whose name now means a file of this project.

    Two projects loaded by one process may both have a ``graders.py``; each must get its own.
    """
    loaded = sys.modules.get(top)
    here = next((file for file in (root / top / "__init__.py", root / f"{top}.py") if file.is_file()), None)
    if loaded is None or here is None or top in sys.stdlib_module_names:
        return
    if getattr(loaded, "__file__", None) and Path(str(loaded.__file__)).resolve() != here.resolve():
        for name in [each for each in sys.modules if each == top or each.startswith(f"{top}.")]:
            del sys.modules[name]


def _crash(path: str, module: str, error: BaseException) -> BadInput:
    told = " ".join("".join(traceback.format_exception_only(error)).split())
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1] if frames else None
    outside = last is not None and "importlib" not in last.filename and last.filename != __file__
    where = f" ({Path(last.filename).name} line {last.lineno})" if last is not None and outside else ""
    return _refusal(
        f"{path!r}: importing {module!r} raised {told}{where}", "mend the module; importing it must not fail"
    )


def _refusal(message: str, cure: str) -> BadInput:
    return BadInput([Problem(message, cure)])
