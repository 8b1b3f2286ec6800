"""What a cluster is advised to do, out of its own reports and the published baselines.

Law: rules are pure. A rule sees a cluster's documents, the release that everybody gets, a day, and dated public
knowledge with its source; it names what it saw, how sure that is and what it can't know, and the engine decides over
all rules together what is said. Who can't know abstains, with the reason. No price is ever assumed.
"""
