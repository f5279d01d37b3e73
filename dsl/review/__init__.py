"""What a review of a repository says: anomalies, of a kind, graded, with place and evidence."""
