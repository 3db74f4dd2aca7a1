"""The program around the commands: options that all of them take, exit codes, sentences instead of tracebacks."""

from __future__ import annotations

import functools
import importlib.metadata
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer
import typer.core

from inverse_design.commands.completion import of_words
from inverse_design.console import (
    LEVELS,
    OutputClosed,
    configure_logging,
    console,
    errors,
    flush_results,
    forget_results,
    log,
    print_any_name,
    printable,
    result,
)
from simulation.errors import InputError


def _say_version(wanted: bool) -> None:
    if wanted:
        try:
            result(f"inverse-design {importlib.metadata.version('inverse-design')}")
        except importlib.metadata.PackageNotFoundError:
            result("inverse-design, not installed: run from its folder")
        raise typer.Exit


Quiet = Annotated[bool, typer.Option("--quiet", help="No progress and no log: results, warnings and errors only.")]
LogLevel = Annotated[
    str | None,
    typer.Option(
        "--log-level",
        metavar="LEVEL",
        help=f"Least level of what is said: {', '.join(LEVELS)}.",
        autocompletion=of_words(*LEVELS),
        show_default=False,
    ),
]
Version = Annotated[
    bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say the version and end.")
]


class Commands(typer.core.TyperGroup):
    """Turns what a command raises into a sentence and an exit code."""

    def main(self, *words: Any, **named: Any) -> Any:
        """As `typer.core.TyperGroup.main`, but that a reader of the help who has seen enough is no failure either."""
        try:
            return super().main(*words, **named)
        except (SystemExit, OutputClosed) as end:
            if isinstance(end, SystemExit) and not isinstance(end.__context__, BrokenPipeError):
                raise  # else it is what Rich and Click end with by themselves
            forget_results()
            raise SystemExit(0) from None

    def invoke(self, ctx: Any) -> Any:
        try:
            found = super().invoke(ctx)
            flush_results()
            return found
        except OutputClosed:
            forget_results()
            raise typer.Exit(0) from None
        except InputError as error:
            sentence = f"error: {printable(str(error))}"
            errors.print(sentence, style="bold red", soft_wrap=True)
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            errors.print(
                "interrupted: nothing that was finished is lost, the same command goes on from here", soft_wrap=True
            )
            raise typer.Exit(130) from None
        except OSError as error:
            if error.errno is None:
                raise
            sentence = f"error: {printable(str(error.filename or 'file system'))}: {error.strerror}"
            errors.print(sentence, soft_wrap=True)
            raise typer.Exit(2) from None


def options(quiet: Quiet = False, log_level: LogLevel = None, version: Version = False) -> None:
    """What stands before the command."""
    print_any_name()
    configure_logging(log_level or "info", quiet)


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    """A command that takes the options that may stand before it, too; what stands after it counts."""
    signature = inspect.signature(command, eval_str=True)
    shared = inspect.signature(options, eval_str=True).parameters

    @functools.wraps(command)
    def spoken(**words: Any) -> None:
        quiet, level, _ = (words.pop(name) for name in shared)
        if quiet or level is not None:
            configure_logging(level or _level(), quiet or console.quiet)
        command(**words)

    every = {**signature.parameters, **shared}
    named = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in every.values()]
    spoken.__signature__ = signature.replace(parameters=named)  # type: ignore[attr-defined]
    spoken.__annotations__ = {name: parameter.annotation for name, parameter in every.items()}
    return spoken


def _level() -> str:
    """Least level of what is said now; that of warnings where it is quiet, which quiet says again."""
    return logging_name(log.handlers[0].level) if log.handlers else "info"


def logging_name(level: int) -> str:
    """A level's name as `--log-level` has it."""
    return LEVELS[min(max(level // 10 - 1, 0), len(LEVELS) - 1)]


class Program(typer.Typer):
    """Commands that share `options`."""

    def command(self, *words: Any, **named: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:  # type: ignore[override]
        """Register a command, see `typer.Typer.command`."""
        register = super().command(*words, **named)
        return lambda command: register(_with_options(command))
