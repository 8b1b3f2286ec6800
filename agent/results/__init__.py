"""What becomes of probes' results: kept, compared with a baseline or the community, made into facts."""
