"""Pages for people: what the service knows in general, and what it knows about the cluster whose token they have.

Law: plain HTML and CSS, made here, without a script and without anything from another host. View models are pure:
records in, words and drawings out (`view`); only `desk`, `public_pages`, `own_pages`, `signing` and `erasing` see a
request. Every value is escaped by the templates. A session never holds a token, and a page tells nothing about another
cluster than the one that is signed in.
"""
