"""demo: the whole loop on a harmless organism (the options and the steps are in files of their own)."""
