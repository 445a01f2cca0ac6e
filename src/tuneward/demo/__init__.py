"""demo: the whole loop on a small real model (the options and the steps are in files of their own)."""
