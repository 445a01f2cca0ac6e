"""audit: both arms are asked the same questions; what changed, where, and how sure that is."""
