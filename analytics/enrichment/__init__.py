"""What the texts of the facts tell beyond themselves, by rules that have a version."""
