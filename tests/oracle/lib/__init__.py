"""The parts of the oracle suite (../run.py)."""
