"""The benchmark: every codec on the user's own images, and a report of it.

Images go to worker processes one by one (`pool`); there every codec encodes, decodes and is compared (`measure`). What was
measured is kept in a journal beside the report, so that an interrupted run goes on. `summary` turns it into statistics,
`report` into a page, a table and an object.
"""
