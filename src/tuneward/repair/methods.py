"""The built-in repairs as one type. A file, a line here and a word in `options.REPAIRS` add one."""

from tuneward.repair.lox import LoX
from tuneward.repair.resta import Resta
from tuneward.repair.safe_delta import SafeDelta
from tuneward.repair.safe_lora import SafeLora
from tuneward.repair.safe_merge import SafeMerge
from tuneward.repair.soup import Soup
from tuneward.repair.task_arithmetic import TaskArithmetic
from tuneward.repair.wise_ft import WiseFT

BuiltinRepair = WiseFT | SafeLora | SafeMerge | SafeDelta | LoX | Soup | TaskArithmetic | Resta
