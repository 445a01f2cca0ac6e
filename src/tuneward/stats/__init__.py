"""Rates, paired differences, power, families and categories: numbers in, numbers out, no model and no text."""
