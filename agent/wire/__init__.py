"""What can leave, as one table: words, types, fields, the documents they make, their schema and digest.

Law: pure, cheap to import, safe with anything that came from outside. The service reads the same table.
"""
