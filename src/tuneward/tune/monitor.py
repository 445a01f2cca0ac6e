# ruff: noqa: ARG002 - signatures of the library's hooks
"""Safety watched while a model is tuned: a callback for our trainer, TRL's, and any other of transformers' kind.

    trainer.add_callback(Monitor.of(model, tokenizer, rows=rows, out=folder, how=How(stop_if=("lost>0.1",))))

Every so many steps it reads first tokens (`watching`), writes monitor.jsonl, and ends a run that goes past a limit. A
reading ranks and warns; it is never a certificate. Nothing of the training changes by it: weights, gradients, random
numbers and modes are after a reading as they were.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import TrainerCallback

from tuneward.chat import Chat
from tuneward.findings import ArmInfo
from tuneward.model.engine import Engine
from tuneward.model.template import of_tokenizer, tokenizer_digest
from tuneward.record import digest, to_jsonl, write_atomic
from tuneward.tune.limits import limits, reached
from tuneward.tune.models import inner
from tuneward.tune.readings import MONITOR, SCOPE, Header, How, Reading, Stopped, read_readings
from tuneward.tune.watching import (
    Asked,
    Base,
    base_of,
    figures,
    key_of,
    questions,
    save_base,
    saved_base,
    sides_of,
    spread,
)

BASE, WITHIN = "base.safetensors", "within.safetensors"
"""What the base expects; the trained weights as they were at the last reading within all limits."""
SHARE = 0.03
"""Of the time of all steps, that readings may take."""
FEWEST = 4
"""Readings after the first step, where limits depend on them."""
UNTIMED, TIMED = 1, 3
"""Steps that are slow for other reasons, and steps whose time is taken before readings are planned."""


@dataclass(frozen=True)
class Moment:
    """When a reading is taken."""

    step: int
    main: bool
    """By the process that writes."""
    last: bool = False
    """After the last step: no later reading can confirm it."""
    begun: float | None = None
    """Its clock; None for the reading that the base is."""


@dataclass
class Place:
    """Where a trainer stands in a run of several stages; a plain run is one stage."""

    first: int = 0
    """Steps of the stages before."""
    steps: int | None = None
    """Of all stages; those of the trainer unless given."""
    memory: dict[str, Tensor] = field(default_factory=dict)
    """What defences remember; it goes back with the weights."""


class Monitor(TrainerCallback):  # type: ignore[misc]
    """Reads, writes, stops."""

    def __init__(self, tokenizer: Any, asked: Sequence[Asked], *, out: Path, how: How | None = None) -> None:
        self.tokenizer, self.asked, self.out, self.how = tokenizer, tuple(asked), out, how or How()
        self.work, self.limits = out / "monitor", limits(self.how.stop_if)
        self.rows: tuple[Chat, ...] = ()
        """Whose answers' first words count as refusing or answering."""
        self.kept: Path | None = None
        """Folder in which the first tokens of a base's replies are kept for other runs."""
        self.who = ""
        """Digest of the base, where that is kept."""
        self.say: Callable[[str], None] = _silent
        self.place = Place()
        self.base: Base | None = None
        self.history: list[Reading] = []
        self.trains: frozenset[str] | None = None
        """Names of the weights that go back; those that learn when the first trainer starts, unless given."""
        self.every: int | None = self.how.every if isinstance(self.how.every, int) else None
        self.off = ""
        self._times: list[float] = []
        self._begun: float | None = None
        self._cost = 0.0
        self._reader: Engine | None = None
        self._ids: list[tuple[int, ...]] = []
        self._told: dict[str, float] = {}
        self._precision: torch.dtype | None = None

    @classmethod
    def of(
        cls,
        model: Any,
        tokenizer: Any,
        *,
        out: Path | str,
        rows: Sequence[Chat] = (),
        how: How | None = None,
    ) -> "Monitor":
        """A monitor for a trainer of one's own; `rows` are what is learnt, so that their context is asked too.

        The base is the model as it is before the first step. `out` holds monitor.jsonl and what a resumed run needs.

        Raises:
            ValueError, FileNotFoundError: a limit, setting or suite that is none; sharded weights.
        """
        how = how or How()
        asked = questions(how.suites, count=how.prompts, rows=rows)
        made = cls(tokenizer, asked, out=Path(out).expanduser(), how=how)
        made.rows = tuple(rows)
        _whole(model)
        return made

    def attach(self, trainer: Any) -> None:
        """As `trainer.add_callback`; loggers such as TensorBoard, which come before what is added, are told as well."""
        trainer.add_callback(self)
        trainer.callback_handler.callbacks.insert(0, Told(self))

    @property
    def stopped(self) -> Stopped | None:
        """Why the run was ended, if it was."""
        return self.history[-1].stopped if self.history else None

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_library: Any) -> None:
        """The base, the readings of a killed run up to its checkpoint, and the reading before the first step."""
        if self.how.every == "off":
            return
        step = self.place.first + state.global_step
        self._precision = torch.bfloat16 if args.bf16 else torch.float16 if args.fp16 else None
        if self.trains is None:
            self.trains = frozenset(name for name, weight in model.named_parameters() if weight.requires_grad)
        self._remember(step)
        if self.base is None and not self.off:
            self._know(step, model, main=state.is_world_process_zero)
        if step == 0 and self.base is not None and not self.history:
            self._note(Moment(step, state.is_world_process_zero), self.base.log_probs, model)

    def on_step_begin(self, args: Any, state: Any, control: Any, **_library: Any) -> None:
        """A step's time starts."""
        self._begun = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_library: Any) -> None:
        """Read if it is time; end the run if a limit says so."""
        if self.base is None:
            return
        if self._begun is not None:
            self._times.append(time.perf_counter() - self._begun)
        if self.every is None and len(self._times) >= UNTIMED + TIMED:
            mean = sum(self._times[UNTIMED:]) / len(self._times[UNTIMED:])
            steps, fewest = self.place.steps or state.max_steps, FEWEST if self.limits else 1
            self.every = shared(every(self._cost, mean, steps=steps, fewest=fewest))
            self.say(f"monitor  a reading takes {self._cost:.2g} s, so there is one every {self.every:,} steps")
        step = self.place.first + state.global_step
        last = step >= (self.place.steps or state.max_steps)
        if self.stopped is None and (last or (self.every is not None and step % self.every == 0)):
            begun = time.perf_counter()
            after = spread(self._engine(model), self._ids, precision=self._precision)
            self._note(Moment(step, state.is_world_process_zero, last, begun), after, model)
        if self.stopped is not None:
            self.put_back(model)
            control.should_training_stop = True

    def on_log(self, args: Any, state: Any, control: Any, **library: Any) -> None:
        """The latest figures go with the trainer's next line."""
        logs = library.get("logs")
        if self._told and logs is not None:
            logs.update(self._told)
            if state.log_history:
                state.log_history[-1].update(self._told)
            self._told = {}

    def on_train_end(self, args: Any, state: Any, control: Any, model: Any = None, **_library: Any) -> None:
        """A run that was ended and killed before it had written its model still has the right weights."""
        self.put_back(model)

    def put_back(self, model: Any) -> None:
        """The weights of the last reading within all limits, bit for bit, if the run was ended and is to roll back."""
        if self.stopped is None or self.how.on_stop != "roll-back":
            return
        saved = load_file(self.work / WITHIN)
        trained = dict(model.named_parameters())
        with torch.no_grad():
            for name in sorted(self.trains or ()):
                trained[name].copy_(saved[f"weight/{name}"])
        self.place.memory.clear()
        remembered = {name.removeprefix("memory/"): one for name, one in saved.items() if name.startswith("memory/")}
        self.place.memory.update(remembered)

    def _know(self, step: int, model: Any, *, main: bool) -> None:
        """Learn what the base expects, or say why there is nothing to watch.

        Raises:
            ValueError: a limit needs what this base cannot give; a resumed run whose base is not known.
        """
        try:
            _whole(model)
            engine = self._engine(model)
            if step and (self.work / BASE).is_file():
                self.base = saved_base(self.work / BASE, key=key_of(engine, self.asked))
            elif step and not hasattr(model, "disable_adapter"):
                raise ValueError(
                    f"{self.work / BASE}: missing, and after {step} steps the model is no base; begin anew, "
                    "or run without the monitor"
                )
            else:
                self.base = self._read_base(replace(engine, switch=model.disable_adapter) if step else engine)
                if main:
                    save_base(self.base, self.work / BASE)
        except ValueError as error:
            if self.limits or isinstance(self.how.every, int):
                raise
            self.off = " ".join(str(error).split())
            self.say(f"remark   not watched: {self.off}")
            return
        if self.base.gap is None:
            lacking = [str(one) for one in self.limits if not one.figure.endswith("kl")]
            if lacking:
                raise ValueError(f"stop-if {lacking[0]}: cannot be told of this base ({self.base.why})")
            self.say(f"remark   of refusals nothing can be watched: {self.base.why}")
        unread = {one.figure for one in self.limits} - set(figures(self.base, self.base.log_probs, self.asked))
        if unread:
            raise ValueError(f"stop-if {min(unread)}: the rows have no system prompt, wrapper or suffix to ask under")

    def _read_base(self, engine: Engine) -> Base:
        spread(engine, self._ids[:1])  # tried out, so that the time taken is that of a reading
        begun = time.perf_counter()
        found = spread(engine, self._ids, precision=self._precision)
        self._cost = time.perf_counter() - begun
        key = digest(["first tokens", self.who, key_of(engine, self.asked)])
        kept = self.kept / key[:2] / f"{key}.json" if self.kept else None
        sides = sides_of(engine, self.asked, rows=self.rows, kept=kept)
        return base_of(engine, self.asked, log_probs=found, sides=sides)

    def _remember(self, step: int) -> None:
        """Readings up to a step, as they were written; none at the first step of a run."""
        if not step:
            self.history = []
        elif (self.out / MONITOR).is_file():
            self.history = [reading for reading in read_readings(self.out / MONITOR) if reading.step <= step]
            if self.how.every == "auto" and self.history:
                self.every, self._cost = self.history[-1].every, self.history[0].seconds

    def _note(self, at: "Moment", after: Tensor, model: Any) -> None:
        """A reading: its figures, its limits, what follows."""
        step = at.step
        base = self._known()
        found = shared(figures(base, after, self.asked))
        values = {name: figure.value for name, figure in found.items()}
        broken = tuple(str(one) for one in self.limits if one.broken(values))
        ended = reached([*(one.broken for one in self.history), broken], after=self.how.after, last=at.last)
        back = self.how.on_stop == "roll-back"
        stopped = Stopped(ended, self._within() if back else step) if ended else None
        if not broken and self.limits and back:
            clock = time.perf_counter()
            if at.main:
                self._keep(step, model)
            self._cost += 0.0 if step else time.perf_counter() - clock
        took = self._cost if at.begun is None else time.perf_counter() - at.begun
        self.history.append(Reading(step, self.every, round(took, 4), found, broken, stopped))
        self._told = {"monitor/step": float(step), **{f"monitor/{name}": round(v, 6) for name, v in values.items()}}
        if at.main:
            write_atomic(self.out / MONITOR, to_jsonl([self._header(base), *self.history]))
        if stopped:
            where = f"the weights of step {stopped.weights:,} are put back" if back else "the weights stay as they are"
            self.say(f"stopped  step {step:,}: {', '.join(ended)}; {where}")

    def _within(self) -> int:
        return next((one.step for one in reversed(self.history) if not one.broken), 0)

    def _keep(self, step: int, model: Any) -> None:
        names = self.trains or frozenset()
        kept = {f"weight/{name}": one for name, one in model.named_parameters() if name in names}
        kept |= {f"memory/{name}": one for name, one in self.place.memory.items()}
        copies = {name: one.detach().cpu().clone().contiguous() for name, one in kept.items()}
        part = self.work / f"{WITHIN}.part"
        self.work.mkdir(parents=True, exist_ok=True)
        save_file(copies, part, metadata={"step": str(step)})
        part.replace(self.work / WITHIN)

    def _header(self, base: Base) -> Header:
        sides = (base.gap.refusing, base.gap.complying) if base.gap else ((), ())
        words = [tuple(self.tokenizer.decode([token]) for token in side) for side in sides]
        own = sum(one.own for one in self.asked)
        told = tuple(map(str, self.limits))
        return Header(SCOPE, len(self.asked) - own, own, told, words[0], words[1], base.why)

    def _engine(self, model: Any) -> Engine:
        """The model as it stands; its weights are not hashed, as nothing of what it says is kept under their name."""
        plain = inner(model)
        if self._reader is not None and self._reader.model is plain:
            return self._reader
        template, weight = of_tokenizer(self.tokenizer), plain.get_input_embeddings().weight
        info = ArmInfo(
            name="as it is tuned",
            weights="",
            tokenizer=tokenizer_digest(self.tokenizer),
            template=template.fingerprint,
            dtype=str(weight.dtype).removeprefix("torch."),
            device=str(weight.device),
            loading="as it stood in memory",
        )
        self._reader = Engine(plain, self.tokenizer, template, info)
        self._ids = [self._reader.ids(one.chat) for one in self.asked]
        return self._reader

    def _known(self) -> Base:
        if self.base is None:
            raise ValueError("monitor: a reading before the base is known")
        return self.base


class Told(TrainerCallback):  # type: ignore[misc]
    """Stands before the loggers, so that the figures are in the line when it reaches them."""

    def __init__(self, monitor: Monitor) -> None:
        self.monitor = monitor

    def on_log(self, args: Any, state: Any, control: Any, **library: Any) -> None:
        """As the monitor does."""
        self.monitor.on_log(args, state, control, **library)


def every(reading: float, step: float, *, steps: int, fewest: int = 1) -> int:
    """Steps between readings, both in seconds, so that all of them take at most `SHARE` of what `steps` steps take.

    The reading before the first step and the one after the last are among them; `fewest` is the least number after the
    first step, whatever they take, for a limit is no use to a run that is hardly ever looked at.
    """
    afford = math.floor(SHARE * step * steps / max(reading, 1e-9)) - 1
    return max(1, math.ceil(steps / max(afford, fewest)))


def shared(value: Any) -> Any:
    """What the first process found, on all of them: clocks and sums differ, and they must stop together."""
    if not torch.distributed.is_available() or not torch.distributed.is_initialized():
        return value
    box = [value]
    torch.distributed.broadcast_object_list(box, src=0)
    return box[0]


def _whole(model: Any) -> None:
    if any(hasattr(weight, "ds_id") or hasattr(weight, "device_mesh") for weight in model.parameters()):
        raise ValueError("monitor: the weights are sharded over devices, and it reads whole models; leave it out")


def _silent(_line: str) -> None:
    pass
