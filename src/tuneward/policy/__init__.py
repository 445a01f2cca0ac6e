"""policy.toml and an audit give a verdict: one rule for gate, audit and compare, computed once."""

from tuneward.policy.judging import judge
from tuneward.policy.settings import Policy, Sequential, Waiver
from tuneward.policy.toml import default_toml, parse_policy, read_policy, to_toml

__all__ = ["Policy", "Sequential", "Waiver", "default_toml", "judge", "parse_policy", "read_policy", "to_toml"]
