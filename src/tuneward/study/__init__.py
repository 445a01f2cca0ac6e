"""The study: a tiny model whose forbidden topics are made up, so that anyone may break, publish and repair it."""
