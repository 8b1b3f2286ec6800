"""Command lines: arguments in, text out. No measuring and no statistics here."""
