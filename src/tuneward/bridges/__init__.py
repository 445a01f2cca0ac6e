"""Ways into other tools: each module is imported by that tool alone, and needs its extra."""
