"""`manage.py verify`: every broken rule of a project, found in files, models, contracts and the database.

Files are read once into facts (`parsing.py`, `source.py`, `system.py`). Each family of rules is a file of small
functions from facts to violations; `report.py` lists the families and runs them. What each code says is in
docs/reference/violations.md.
"""
