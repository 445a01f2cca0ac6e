"""The two arms by their names: in this process, behind an endpoint, or one of each."""

from collections.abc import Callable, Mapping

from tuneward.audit.options import AuditOptions
from tuneward.blend.guide import guided
from tuneward.blend.options import parse_blend
from tuneward.chat import Arm
from tuneward.endpoint import is_endpoint
from tuneward.model.engine import Engine
from tuneward.model.load import Place, load, load_arms
from tuneward.model.spec import parse
from tuneward.speaking import Speaker

Connect = Callable[[str], Speaker]
"""Name of an endpoint → who answers there."""


def arms_of(options: AuditOptions, connect: Connect | None) -> Mapping[Arm, Speaker]:
    """Both arms, loaded or reached.

    Raises:
        ValueError, FileNotFoundError: a name or blend that cannot be used, or two names for one model behind one
            address.
    """
    place = Place(options.device, options.dtype)
    remote = [name for name in (options.tuned, options.base) if name and is_endpoint(name)]
    if not remote:
        blend = parse_blend(options.blend).made() if options.blend else None
        found = load_arms(parse(options.tuned), parse(options.base) if options.base else None, place=place)
        return found if blend is None else {**found, "tuned": guided(found["tuned"], found["base"], blend=blend)}
    if connect is None:
        raise ValueError(f"{remote[0]}: nothing was given that reaches endpoints; pass connect=")
    names: dict[Arm, str] = {"base": str(options.base), "tuned": options.tuned}
    arms = {arm: connect(name) if is_endpoint(name) else load(parse(name), place=place) for arm, name in names.items()}
    if arms["base"].info.name == arms["tuned"].info.name:
        raise ValueError(f"{options.tuned}: base and tuned are one model on one server; nothing would be compared")
    return arms


def in_process(arms: Mapping[Arm, Speaker]) -> dict[Arm, Engine]:
    """The arms as engines; empty when one of them is not in this process."""
    found = {arm: speaker for arm, speaker in arms.items() if isinstance(speaker, Engine)}
    return found if len(found) == len(arms) else {}
