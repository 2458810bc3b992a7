"""The offline kit: wheels, golden streams, a bill of materials and a page, for machines without a network."""
