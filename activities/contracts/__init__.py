"""All that workflows may import of the activities: names, requests, answers, timeouts."""
