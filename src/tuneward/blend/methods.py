"""The built-in blends as one type. A file, a line here and a word in `options.BLENDS` add one."""

from tuneward.blend.gate import Gated
from tuneward.blend.guard import FirstTokens
from tuneward.blend.log_mix import LogMix

BuiltinBlend = LogMix | FirstTokens | Gated
