"""Reviews of repositories: watched, judged, told and written."""
