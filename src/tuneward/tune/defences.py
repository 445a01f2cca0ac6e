"""The built-in defences as one type. A file, a line here and a word in `options.DEFENCES` add one."""

from tuneward.tune.anchor import Anchor
from tuneward.tune.constrained import Constrained
from tuneward.tune.ema import EMA
from tuneward.tune.freeze import Freeze
from tuneward.tune.hinge import Hinge
from tuneward.tune.kl import FirstTokensKL
from tuneward.tune.l2 import L2
from tuneward.tune.lisa import Lisa
from tuneward.tune.mix import Mix
from tuneward.tune.safegrad import SafeGrad
from tuneward.tune.staged import Staged
from tuneward.tune.template import PromptTemplate

BuiltinDefence = (
    Mix | PromptTemplate | Constrained | Anchor | FirstTokensKL | Hinge | Staged | EMA | Lisa | SafeGrad | Freeze | L2
)
