"""What someone who writes a connector needs: a starting folder, every problem of a folder, a suite, a reference.

start.py      a commented folder that works, to begin with
schema.py     the parts of the schema and what each key may hold
problems.py   every problem of a folder, each with its place (structure.py: against the schema)
suite.py      the checks against a live source (passes.py, contents.py), whose result is a report.py
recording.py  keeps what was asked and answered, and answers from it again
reference.py  every key of a definition, as Markdown
"""
