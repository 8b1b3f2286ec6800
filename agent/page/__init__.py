"""Results as a page that a person likes to look at, and as single plots.

Law: results in, text or image bytes out; no file but its own templates, no network, no clock. What a result file holds
is untrusted: text reaches a page through Jinja's escaping only, and a plot through `agent.page.text.clean`. Equal input
gives equal bytes. Needs the extra `[report]`: matplotlib and Jinja2.
"""
